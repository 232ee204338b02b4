# Completion of the command xuring for bash. Options, their words and profiles come from the library's own tables.
# shellcheck shell=bash

_xuring_commands='run check options profiles stats bench advise top version help'

_xuring_words() {
	local words
	words=$("${COMP_WORDS[0]}" "$1" --rows 2>/dev/null | cut -f1,2)
	case $1 in
	profiles) cut -f1 <<<"$words" ;;
	options) awk -F'\t' '{ if ($2 ~ /^[a-z|]+$/) { n = split($2, w, "|"); for (i = 1; i <= n; i++) print $1 "=" w[i] }
		else print $1 "=" }' <<<"$words" ;;
	esac
}

_xuring() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} i
	local line=${COMP_LINE:0:COMP_POINT}
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$_xuring_commands" -- "$word")
		return
	fi
	# KEY=VALUE is three words where = breaks words: complete all of it, and give back what stands after the =.
	if [[ $line =~ \ -o\ ?([A-Z_]*=?[^ ]*)$ ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_xuring_words options)" -- "${BASH_REMATCH[1]}")
		[[ ${BASH_REMATCH[1]} == *=* && $COMP_WORDBREAKS == *=* ]] && COMPREPLY=("${COMPREPLY[@]#*=}")
		[[ ${COMPREPLY[*]} == *= ]] && compopt -o nospace 2>/dev/null
		return
	fi
	if [[ $before == -p ]]; then
		local list=''
		[[ $word == *,* ]] && list=${word%,*},
		mapfile -t COMPREPLY < <(compgen -P "$list" -W "$(_xuring_words profiles)" -- "${word##*,}")
		return
	fi
	case ${COMP_WORDS[1]} in
	run | bench | advise)
		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${COMP_WORDS[i]} in
			-p | -o | -n | --seconds | --prepare) ((i++)) ;;
			--) ((i++)); break ;;
			-* | = | *=*) ;;
			*) break ;;
			esac
		done
		if ((i < COMP_CWORD)); then
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
		elif [[ $word == -* && ${COMP_WORDS[1]} == run ]]; then
			mapfile -t COMPREPLY < <(compgen -W '-p -o --stats --live --' -- "$word")
		elif [[ $word == -* && ${COMP_WORDS[1]} == advise ]]; then
			mapfile -t COMPREPLY < <(compgen -W '-n -p --seconds --prepare --try --json --' -- "$word")
		elif [[ $word == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W '-p -o -n --seconds --prepare --json --' -- "$word")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$word" | sort -u)
		fi
		;;
	check)
		if [[ $word == -* ]]; then
			COMPREPLY=(--json)
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$word" | sort -u)
		fi
		;;
	help) mapfile -t COMPREPLY < <(compgen -W "$_xuring_commands" -- "$word") ;;
	stats) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
	top) mapfile -t COMPREPLY < <(compgen -W '--once --json --openmetrics --interval' -- "$word") ;;
	options | profiles) COMPREPLY=(--rows) ;;
	esac
}

complete -F _xuring xuring
