#!/usr/bin/env bash
# Brings nginx, which `npm run fire` puts before its servers: Debian's package, installed by root where it is missing. Says where it is
# on stdout; fails with the reason when it cannot be had.
set -euo pipefail

if ! command -v nginx >/dev/null; then
  command -v apt-get >/dev/null || { echo "nginx is not installed, and there is no apt-get to bring it" >&2; exit 1; }
  [[ $(id -u) == 0 ]] || { echo "the Debian package nginx-light is not installed, and only root can do that" >&2; exit 1; }
  apt-get update >&2
  # Its service is not wanted: no package may start one while this runs.
  printf '#!/bin/sh\nexit 101\n' >/tmp/barewire-policy-rc.d.$$
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    install -m 755 /tmp/barewire-policy-rc.d.$$ $policy
    trap 'rm -f $policy' EXIT
  fi
  rm -f /tmp/barewire-policy-rc.d.$$
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nginx-light >&2
fi
command -v nginx
