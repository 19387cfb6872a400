#!/bin/sh
# Removes what install.sh made. Secrets, and the key that opens them, stay.
set -eu

usage='usage: uninstall.sh [--end-leases]   (without it, it waits for connectors that hold leases)'
end_leases=
for word; do
    case $word in
        --end-leases) end_leases=$word ;;
        --help) printf '%s\n' "$usage"; exit 0 ;;
        *) printf '%s\n' "$usage" >&2; exit 2 ;;
    esac
done

kept=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
prefix=$(dirname -- "$(dirname -- "$kept")")
made=$kept/made
if [ ! -f "$made" ]; then
    printf 'error: %s does not exist, so nothing was installed from here\n' "$made" >&2
    exit 1
fi

# A copy of an installation has the paths of the one that it was made of.
listed=$(sed -n 's|^file \(.*\)/lib/fluvio-secret/made$|\1|p' "$made")
real() { CDPATH='' cd -- "$1" 2> /dev/null && pwd -P; }
if [ "$(real "$listed")" != "$(real "$prefix")" ]; then
    printf 'error: %s is a copy of the installation in %s, or was moved\nhelp: delete it by hand\n' "$prefix" "$listed" >&2
    exit 1
fi

# It would start the daemon again.
"$prefix/bin/fluvio-secret" sync stop --all > /dev/null || true

# While systemd still starts the daemon: only that one knows which connectors hold leases. Ctrl-C
# while it waits for them leaves everything as it is.
# shellcheck disable=SC2086
"$prefix/bin/fluvio-secret" daemon stop $end_leases > /dev/null || true

# The links to the units of this directory, by which they are enabled or found. Without a manager of the
# session there is nothing to stop, and the links have to go all the same.
config=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
for link in default.target.wants/fluvio-secret-sync.service fluvio-secret-sync.service \
    sockets.target.wants/fluvio-secretd.socket fluvio-secretd.socket fluvio-secretd.service; do
    unit=$prefix/share/systemd/user/${link##*/}
    if [ "$(readlink -- "$config/$link" || true)" = "$unit" ]; then
        systemctl --user disable --now "${link##*/}" > /dev/null 2>&1 || true
        rm -f -- "$config/$link"
    fi
done
# One that systemd has started since.
"$prefix/bin/fluvio-secret" daemon stop > /dev/null || true

# The link called cdk would point to nothing.
link=${XDG_DATA_HOME:-$HOME/.local/share}/fluvio-secret/bin/cdk
if [ "$(readlink -- "$link" || true)" = "$prefix/bin/fluvio-secret-shim" ]; then
    "$prefix/bin/fluvio-secret" cdk --uninstall
fi

# Files first; then the directories that were made for them, the innermost first, unless there is more in them.
# The list and this script go last: what cannot be removed now can be then.
left=
# Says itself what it is.
remove() { rm -f -- "$1" || left=$1; }
while IFS= read -r line; do
    kind=${line%% *} path=${line#* }
    case $kind in
        file)
            case $path in
                */lib/fluvio-secret/made | */lib/fluvio-secret/uninstall.sh) ;;
                *) remove "$path" ;;
            esac
            ;;
        # It may belong to another installation by now, or be a file.
        link) [ "$(readlink -- "$path" || true)" != "$prefix/bin/fluvio-secret" ] || remove "$path" ;;
    esac
done < "$made"
if [ -n "$left" ]; then
    printf 'error: %s could not be removed\nhelp: fix that and run this again\n' "$left" >&2
    exit 1
fi
directories=$(sed -n 's/^directory //p' "$made" | sort -ru)
rm -f -- "$made" "$kept/uninstall.sh"
printf '%s\n' "$directories" | while IFS= read -r path; do
    rmdir -- "$path" 2> /dev/null || true
done
printf 'fluvio-secret is removed. Your secrets, their key and the logs stay, in the fluvio-secret directories of\n~/.config, ~/.local/share and ~/.local/state\n'
