#!/bin/sh
# Removes what install.sh made. Secrets, and the key that opens them, stay.
set -eu

kept=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix=$(dirname -- "$(dirname -- "$kept")")
made=$kept/made
if [ ! -f "$made" ]; then
    printf 'uninstall.sh: %s is not there: nothing was installed from here\n' "$made" >&2
    exit 1
fi

# The links to the units of this folder, by which they are enabled or found. Without a manager of the
# session there is nothing to stop, and the links have to go all the same.
config=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
for link in sockets.target.wants/fluvio-secretd.socket fluvio-secretd.socket fluvio-secretd.service; do
    unit=$prefix/share/systemd/user/${link##*/}
    if [ "$(readlink -- "$config/$link" || true)" = "$unit" ]; then
        systemctl --user disable --now "${link##*/}" > /dev/null 2>&1 || true
        rm -f -- "$config/$link"
    fi
done
"$prefix/bin/fluvio-secret" daemon stop > /dev/null || true

# The link called cdk would lead to nothing.
link=${XDG_DATA_HOME:-$HOME/.local/share}/fluvio-secret/bin/cdk
if [ "$(readlink -- "$link" || true)" = "$prefix/bin/fluvio-secret-shim" ]; then
    "$prefix/bin/fluvio-secret" cdk --uninstall
fi

# Files first; then the folders that were made for them, the innermost first, unless there is more in them.
list=$(cat "$made")
printf '%s\n' "$list" | while read -r kind path; do
    case $kind in
        file) rm -f -- "$path" ;;
        # Another installation may have turned it to itself, or somebody put a file in its place.
        link) [ "$(readlink -- "$path" || true)" != "$prefix/bin/fluvio-secret" ] || rm -f -- "$path" ;;
    esac
done
printf '%s\n' "$list" | sort -ru | while read -r kind path; do
    [ "$kind" != folder ] || rmdir -- "$path" 2> /dev/null || true
done
printf 'fluvio-secret is removed. Secrets, their key and the logs stay, in the folders fluvio-secret below\n~/.config, ~/.local/share and ~/.local/state\n'
