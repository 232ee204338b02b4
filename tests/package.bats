#!/usr/bin/env bats
# What is shipped: manual pages, completion, Debian packages that are installed and used, a tarball.
# shellcheck shell=bash disable=SC2013,SC2016,SC2030,SC2031,SC2034,SC2154,SC2164

bats_require_minimum_version 1.5.0
# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need_shim
	cd "$BATS_TEST_TMPDIR"
	export BUILD=$build
}

# Makes packages of what is built, once for all tests of this file; nothing is compiled.
packages() {
	need dpkg-deb strip
	[[ $build != */san-* && $build != */cov ]] || skip 'sanitizers and coverage are not shipped'
	debs=$BATS_FILE_TMPDIR/debs
	[[ ! -d $debs ]] || return 0
	make -s -C "$root" -o build -o "$build/.flags" BUILD="$build" deb
	mkdir "$debs"
	cp "$build"/deb/*.deb "$debs"
}

@test "package: the manual pages are well-formed and name every option and profile" {
	need man
	for page in "$root"/scripts/man/*; do
		man -l "$page" >out 2>err
		[[ -s out && ! -s err ]]
		! command -v mandoc >/dev/null || mandoc -T lint -W warning "$page"
	done
	man -l "$root/scripts/man/libxuring-shim.7" | cat >options
	for name in $("$shim" options --rows | cut -f1); do
		grep -q "XURING_$name=" options
	done
	man -l "$root/scripts/man/xuring.1" | cat >profiles
	for name in $("$shim" profiles --rows | cut -f1); do
		grep -q "^ *$name " profiles
	done
	"$root/scripts/gen-readme" --check
}

# completed WORD...: what bash would offer for the last word.
completed() {
	bash --norc -c 'source "$1/scripts/completion/xuring.bash"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=$((${#COMP_LINE}))
		_xuring
		printf "%s\n" "${COMPREPLY[@]}"' bash "$root" "$root/scripts/xuring" "$@"
}

@test "package: bash completes commands, profiles, options and their words" {
	[[ $(completed ch) == check ]]
	[[ $(completed help adv) == advise ]]
	[[ $(completed run -p re | paste -sd' ') == 'remote redis' ]]
	[[ $(completed run -p bulk,ser) == bulk,server ]]
	[[ $(completed run -o ENT) == ENTRIES= ]]
	[[ $(completed run -o MODE=ri) == *ring ]]
	[[ $(completed run true-) != *PROFILE* ]]
	touch some-file
	[[ $(completed run cat some-) == some-file ]]
}

@test "package: zsh takes its completion" {
	need zsh
	zsh -fc 'fpath=('"$root"'/scripts/completion $fpath); autoload -Uz compinit; compinit -D -u; autoload +X _xuring;
		(( $+functions[_xuring] )) && [[ $_comps[xuring] == _xuring ]]'
}

@test "package: both packages are installed, used and removed in a root of their own" {
	need dpkg
	[[ $(id -u) -eq 0 ]] || skip 'dpkg --root needs root'
	packages
	mkdir -p root/var/lib/dpkg/{updates,info} root/etc
	touch root/var/lib/dpkg/{status,available}
	dpkg --root="$PWD/root" --force-depends --force-script-chrootless --log=/dev/null -i "$debs"/*.deb >log 2>&1
	unset BUILD
	[[ $(root/usr/bin/xuring run sh -c 'echo $LD_PRELOAD') == "$PWD"/root/usr/lib/*/libxuring-shim.so ]]
	[[ $(root/usr/bin/xuring version) == "xuring $(sed -n 's/^VERSION := //p' "$root/Makefile")" ]]
	root/usr/bin/xuring check true >/dev/null || need_ring
	seq 1000 >numbers
	[[ $(root/usr/bin/xuring run -o MODE=ring --stats=records sort -n numbers | md5sum) == "$(md5sum <numbers)" ]]
	root/usr/bin/xuring stats records >/dev/null
	root/usr/bin/xuring bench -n 1 true >/dev/null
	# A program is built against what the package for developers has.
	need gcc pkg-config
	cat >nop.c <<-'END'
		#include <xuring.h>
		int main(void)
		{
			struct xu_ring ring;
			int ret = xu_queue_init(8, &ring, 0);
			return ret ? 77 : (xu_queue_exit(&ring), 0);
		}
	END
	export PKG_CONFIG_SYSROOT_DIR=$PWD/root PKG_CONFIG_PATH
	PKG_CONFIG_PATH=$(echo root/usr/lib/*/pkgconfig)
	# shellcheck disable=SC2046 # words
	gcc nop.c -o nop -I root/usr/include $(pkg-config --cflags --libs xuring) -L root/usr/lib/*-linux-*
	run ./nop
	[[ $status -eq 0 || $status -eq 77 ]]
	dpkg --root="$PWD/root" --force-depends --force-script-chrootless --log=/dev/null -P libxuring-dev libxuring-shim >log 2>&1
	find root -path root/var -prune -o ! -type d -print >left
	cat left
	[[ ! -s left ]]
}

@test "package: lintian finds no error" {
	need lintian
	packages
	run lintian --allow-root "$debs"/*.deb
	[[ $output != *E:\ * ]]
}

@test "package: the same sources make the same packages and the same tarball" {
	need git
	git -C "$root" rev-parse HEAD >/dev/null 2>&1 || skip 'not a clone'
	packages
	make -s -C "$root" -o build -o "$build/.flags" BUILD="$build" deb
	for deb in "$debs"/*.deb; do
		cmp "$deb" "$build/deb/${deb##*/}"
	done
	make -s -C "$root" BUILD="$PWD/one" dist
	sleep 1
	make -s -C "$root" BUILD="$PWD/two" dist
	cmp one/*.tar.gz two/*.tar.gz
	tar xzf one/*.tar.gz
	(cd xuring-* && make -n build >/dev/null)
}
