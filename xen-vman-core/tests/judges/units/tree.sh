# shellcheck shell=bash
# What a host tree says about itself; to be sourced.

# script_value NAME SCRIPT: the value of a variable that SCRIPT sets at its beginning.
script_value() {
    sh -c "$(grep -m 1 "^$1=" "$2"); printf '%s' \"\$$1\""
}

# xl_path TREE
xl_path() {
    script_value xl "$1/usr/local/lib/xen-vman/vm-domain"
}
