# Perl's ways to files, processes and sockets, buffered and by sysread and syswrite; what it prints must be the same
# bare and under the shim.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :seek :flock);
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(ualarm);

$| = 1;

# Files: lines, records, seeking, in place, locks, directories.
my (%count, $lines);
for my $file (sort glob('in/text/d0*/*.txt')) {
	open my $f, '<', $file or die "$file: $!";
	while (<$f>) {
		$lines++;
		$count{$_}++ for split;
	}
}
print "$lines lines; needle $count{needle}, haystack $count{haystack}\n";
open my $rw, '+>', 'records' or die $!;
printf $rw "%-15s\n", "record $_" for 1 .. 500;
seek $rw, 16 * 99, SEEK_SET;
read $rw, my $record, 16;
print "$record", tell $rw, "\n";
print "lock ", flock($rw, LOCK_EX | LOCK_NB) ? "mine\n" : "$!\n";
truncate $rw, 160;
$rw->sync;
print -s 'records', "\n";
sysopen my $raw, 'raw', O_RDWR | O_CREAT, 0600 or die $!;
print syswrite($raw, 'x' x 10000), ' ', sysseek($raw, -5, SEEK_CUR), ' ', sysread($raw, my $tail, 100), "\n";
{
	local ($^I, @ARGV) = ('.old', 'records');
	while (<>) { s/record/entry/; print }
}
open my $check, '<', 'records' or die $!;
print scalar <$check>;
opendir my $d, 'in/odd' or die $!;
print join(',', map { s/\n/\\n/r } sort readdir $d), "\n";
print defined(open my $none, '<', 'in/missing') ? 'open' : "$!", "\n";

# Processes: backticks, both ends of pipes, signals, exit codes.
print `echo from a shell; exit 3`, $? >> 8, "\n";
open my $out, '|-', 'sort -r' or die $!;
print $out "$_\n" for 1 .. 12;
close $out;
open my $in, '-|', 'cat in/quarter' or die $!;
my $length = 0;
$length += length while <$in>;
print "$length\n";
pipe my $r, my $w or die $!;
my $pid = fork // die $!;
if (!$pid) {
	close $r;
	syswrite $w, "child\n";
	kill KILL => $$;
}
close $w;
my $said;
print sysread($r, $said, 100), $said, sysread($r, my $nothing, 100), "\n";
waitpid $pid, 0;
print "signal ", WTERMSIG($?), "\n";
local $SIG{ALRM} = sub { die "alarm\n" };
pipe my $r2, my $w2 or die $!;
ualarm 100_000;
eval { sysread $r2, my $never, 1 };
print $@;

# Sockets: a server in a child, clients at once through select.
my $listener = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1') or die $!;
$pid = fork // die $!;
if (!$pid) {
	for (1 .. 5) {
		my $c = $listener->accept or die $!;
		while (<$c>) { print $c uc }
		close $c;
	}
	POSIX::_exit(0);
}
for my $n (1 .. 5) {
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport) or die $!;
	print $s "hello $n ", 'abc' x 100, "\n" for 1 .. 20;
	shutdown $s, 1;
	my $select = IO::Select->new($s);
	my $got = '';
	while ($select->can_read(10)) {
		my $k = sysread $s, $got, 1000, length $got;
		last if !$k;
	}
	print length $got, ' ', unpack('%32C*', $got), "\n";
}
waitpid $pid, 0;
print "status $?\n";
$listener->blocking(0);
print defined $listener->accept ? 'somebody' : "$!", "\n";
