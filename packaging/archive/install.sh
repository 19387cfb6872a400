#!/bin/sh
# Installs fluvio-secret for one user, into ~/.local or another directory. What it made is written down, and
# lib/fluvio-secret/uninstall.sh in that directory removes it again. It starts nothing.
set -eu

usage='usage: ./install.sh [--prefix DIR]   (DIR is ~/.local unless it is given)'
prefix=${PREFIX:-${HOME:?it is not set}/.local}
while [ $# -gt 0 ]; do
    case $1 in
        --prefix=*) prefix=${1#--prefix=} ;;
        --prefix) shift; prefix=${1-} ;;
        --help) printf '%s\n' "$usage"; exit 0 ;;
        *) prefix='' ;;
    esac
    if [ -z "$prefix" ]; then printf '%s\n' "$usage" >&2; exit 2; fi
    shift
done

fail() { printf 'error: %s\n' "$1" >&2; exit 1; }

case $prefix in
    /*) ;;
    *) fail "$prefix is not an absolute path" ;;
esac
# The path stands in a unit of systemd's, and in a list with a path on each line.
case $prefix in
    *[\"\'\\%\$]* | *"
"*) fail "the path has a quote, backslash, percent, dollar or line end: $prefix" ;;
esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
[ -f "$here/files/bin/fluvio-secret" ] || fail "$here/files does not exist: unpack the whole archive"
kept=$prefix/lib/fluvio-secret
made=$kept/made
earlier=
[ ! -f "$made" ] || earlier=$(cat "$made")
now=

# Makes a directory and those above it, and writes down which were not there.
make_directory() {
    [ -d "$1" ] && return
    make_directory "$(dirname -- "$1")"
    mkdir -m 755 -- "$1"
    note directory "$1"
}

# From the first file on what was made is on the disk, so that half an installation can be removed, too.
note() {
    now="$now$1 $2
"
    [ ! -d "$kept" ] || write_made "$earlier"
}

# With what is given of before; directories that were made then stay written down.
write_made() {
    printf '%s\n%s' "$1" "$now" | grep . > "$made.new"
    mv -f -- "$made.new" "$made"
}

# Puts a file in place whole: a program may run, and a shell may read it.
put() {
    make_directory "$(dirname -- "$2")"
    # What has the name may lead elsewhere.
    rm -f -- "$2.new"
    cp -- "$1" "$2.new"
    chmod "$3" "$2.new"
    # First, or one that is killed in between would not know it again.
    note file "$2"
    mv -f -- "$2.new" "$2"
}

# A file of another installation is not overwritten.
for file in $(cd "$here/files" && find . -type f) lib/fluvio-secret/uninstall.sh; do
    file=$prefix/${file#./}
    { [ ! -e "$file" ] && [ ! -L "$file" ]; } && continue
    printf '%s\n' "$earlier" | grep -Fxq "file $file" || fail "$file exists, and is not of this installation: move it away"
    [ ! -d "$file" ] || fail "$file is a directory: move it away"
done

make_directory "$kept"
note file "$made"
put "$here/uninstall.sh" "$kept/uninstall.sh" 755
cd "$here/files"
for file in $(find . -type f | sort); do
    file=${file#./}
    case $file in
        bin/*) put "$file" "$prefix/$file" 755 ;;
        *) put "$file" "$prefix/$file" 644 ;;
    esac
done
# The units' programs are where they are put; the path may have what sed takes for its own.
for unit in share/systemd/user/*.service; do
    rm -f -- "$prefix/$unit.new"
    while IFS= read -r line; do
        case $line in
            ExecStart=/usr/bin/*)
                command=${line#ExecStart=/usr/bin/}
                program=${command%% *}
                printf 'ExecStart="%s/bin/%s"%s\n' "$prefix" "$program" "${command#"$program"}"
                ;;
            *) printf '%s\n' "$line" ;;
        esac
    done < "$unit" > "$prefix/$unit.new"
    chmod 644 "$prefix/$unit.new"
    mv -f -- "$prefix/$unit.new" "$prefix/$unit"
done

# fluvio lists in its help what is in this directory.
extension=$HOME/.fluvio/extensions/fluvio-secret
if [ -d "$HOME/.fluvio" ]; then
    if [ -e "$extension" ] && [ ! -L "$extension" ]; then
        printf 'note: %s is not a link, so it stays as it is\n' "$extension"
    else
        make_directory "$HOME/.fluvio/extensions"
        led=$(readlink -- "$extension" || true)
        case $led in
            '' | "$prefix/bin/fluvio-secret") ;;
            *) printf 'note: %s pointed to %s, and now points here\n' "$extension" "$led" ;;
        esac
        ln -sfn -- "$prefix/bin/fluvio-secret" "$extension"
        note link "$extension"
    fi
fi

# What an earlier release had and this one has not is removed; directories stay written down.
printf '%s\n' "$earlier" | grep '^file ' | while IFS= read -r line; do
    printf '%s' "$now" | grep -Fxq "$line" || rm -f -- "${line#file }"
done
write_made "$(printf '%s\n' "$earlier" | grep '^directory ' || true)"

printf 'fluvio-secret is in %s\n' "$prefix/bin"
case :$PATH: in
    *":$prefix/bin:"*) ;;
    *)
        line="echo 'export PATH=\"$prefix/bin:\$PATH\"' >>"
        case ${SHELL-} in
            */bash) line="$line ~/.bashrc" ;;
            */zsh) line="$line ~/.zshrc" ;;
            */fish) line="fish_add_path --prepend --move '$prefix/bin'" ;;
            *) line="$line ~/.profile" ;;
        esac
        printf 'This directory is not on PATH. Run this once, then open a new shell:\n\n  %s\n\n' "$line"
        ;;
esac
printf 'To remove it: %s\n' "$kept/uninstall.sh"
