"""Fuzzes the servers for long: `python -m tests.fuzz [--messages 1000000] [--seed 1] [--minutes 8]`.

`--files` damages files, `--control` times control beside it. Goes on with other messages from another seed.
Exits with 1 at the first finding, which names the messages.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.campaign import Campaign, FindingError, fuzz
from tests.fuzz.control_period import measure
from tests.fuzz.files import READERS, FileCampaign, FileFindingError
from tests.fuzz.targets import start
from tests.support.canary import Canary

SHARES = {"daemon": 0.45, "simulator": 0.1, "learner": 0.45}


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many, over all servers")
    parser.add_argument("--seed", type=int, default=1, help="another one makes other messages")
    parser.add_argument("--minutes", type=float, default=60.0, help="longest time")
    parser.add_argument("--servers", nargs="+", choices=SHARES, default=list(SHARES), help="which ones")
    parser.add_argument("--files", action="store_true", help="damage files for their readers, and send no messages")
    parser.add_argument("--control", action="store_true", help="fuzz a daemon whose arm is controlled, and time that")
    parser.add_argument("--real-time", action="store_true", help="with --control: before all that is not in real time")
    arguments = parser.parse_args()
    if arguments.control:
        print(measure(arguments.seed, arguments.minutes * 60, arguments.real_time))
        return 0
    if arguments.files:
        return damage_files(arguments.seed, arguments.minutes)
    total, begin = 0, time.monotonic()
    whole = sum(SHARES[name] for name in arguments.servers)
    for name in arguments.servers:
        share = SHARES[name] / whole
        target = start(name)
        with contextlib.closing(target), contextlib.closing(Canary()) as canary:
            campaign = Campaign(target, arguments.seed, canary=canary)
            begun = time.monotonic()
            try:
                growth = fuzz(target, campaign, int(arguments.messages * share), begun + arguments.minutes * 60 * share)
            except FindingError as finding:
                print(f"seed {arguments.seed}, message {campaign.sent}: {finding}", file=sys.stderr)
                return 1
        total += campaign.sent
        rate = campaign.sent / (time.monotonic() - begun)
        said = ", ".join(f"{count} {status}" for status, count in campaign.statuses.most_common())
        print(f"{name}: {campaign.sent} messages, {rate:.0f}/s, {growth / 1e6:.1f} MB kept; {said}", flush=True)
    print(f"{total} messages from seed {arguments.seed} in {time.monotonic() - begin:.0f} s: nothing found")
    return 0


def damage_files(seed, minutes):
    """Damages the files of every reader, each for its share of the time; 1 where one met it badly."""
    total, begin, found = 0, time.monotonic(), 0
    for number, name in enumerate(READERS, start=1):
        until = begin + minutes * 60 * number / len(READERS)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            campaign = FileCampaign(name, Path(folder), seed)
            while time.monotonic() < until:
                try:
                    campaign.run(10)
                except FileFindingError as finding:
                    found += 1
                    print(finding, file=sys.stderr)
        total += campaign.tried
        print(f"{name}: {campaign.tried} damaged, {campaign.refused} refused in a sentence", flush=True)
    print(f"{total} damaged files from seed {seed} in {time.monotonic() - begin:.0f} s: {found} findings")
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main())
