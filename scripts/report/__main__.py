# SPDX-License-Identifier: MIT
"""What of the command xuring computes and draws tables. Called by scripts/xuring, which has the usage.

usage: report LIBRARY stats|bench|advise|top ARG...
"""

import signal
import sys

import advise
import bench
import records
import top

COMMANDS = {"stats": records.command, "bench": bench.command, "advise": advise.command, "top": top.command}


def main():
	signal.signal(signal.SIGPIPE, signal.SIG_DFL)
	if len(sys.argv) < 3 or sys.argv[2] not in COMMANDS:
		print(__doc__.strip(), file=sys.stderr)
		return 2
	return COMMANDS[sys.argv[2]](sys.argv[1], sys.argv[3:])


if __name__ == "__main__":
	try:
		sys.exit(main())
	except KeyboardInterrupt:
		sys.exit(130)
