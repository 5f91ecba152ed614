#!/bin/sh
# The request that prodia-compose @VERSION@ prepared, sent by curl (7.76 or newer):
# @DIGEST@
#
#   PRODIA_TOKEN=... ./send.sh [FILE]    FILE is @FILE@ here; - is standard output
#
# It is sent once and never again by itself: a job costs money, and may have run even if no
# answer came. PRODIA_BASE_URL sends it elsewhere.
@ABOUT@
# Exit status: curl's. 2 to 7: nothing was sent (2: usage, FILE exists, or a part is missing; 4: no
# token). 22: it was refused, in the words shown; after a 5xx it may have run. 0: answered; the
# record says how it went.
set -Cu   # -C: > overwrites nothing
LC_ALL=C  # in which the ranges below are ASCII
die() { printf 'send.sh: %s\n' "$2" >&2; exit "$1"; }
strip() { set -- "${1#"${1%%[![:space:]]*}"}"; printf %s "${1%"${1##*[![:space:]]}"}"; }

file=${1-@FILE@}
case $#:$file in
    [01]:-) [ ! -t 1 ] || die 2 'standard output is a terminal; redirect it, or name a file' ;;
    [01]:-* | [01]: | [!01]*) die 2 'usage: send.sh [FILE], or - for standard output' ;;
esac
# The parts are beside the script. In a function $0 can be the function's name, and the folder of a
# link is another: what is there may be another request, to be paid for.
case $0 in /*) here=${0%/*}/ ;; */*) here=./${0%/*}/ ;; *) here=./ ;; esac
if [ -h "$0" ] || [ ! -f "$0" ]; then
    die 2 "$0: a link, or not this script; run send.sh itself, by its path"
fi
for part in @NAMES@; do
    [ -r "$here$part" ] || die 2 "$here$part: missing, or not readable; save the request again"
done
base=@BASE_URL@
base=$(strip "${PRODIA_BASE_URL:-$base}")
base=${base%"${base##*[!/]}"} base=${base%/v2} base=${base%"${base##*[!/]}"}
loopback='^https?://(([a-z0-9-]+\.)*localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]*)?(/|$)'
if printf '%s\n' "$base" | grep -Eiq "$loopback"; then
    export no_proxy='*'
elif ! printf '%s\n' "$base" | grep -Eiq '^https://[^@?#\\]+$'; then
    die 2 'PRODIA_BASE_URL: write https://HOST; plain http would show the token to others'
fi
{ set +x; } 2> /dev/null  # and so would a trace
token=$(strip "${PRODIA_TOKEN-}")
case $token in
    '') die 4 'no token; set PRODIA_TOKEN' ;;
    *[!!-~]*) die 4 'PRODIA_TOKEN: holds a space, a line break or a character outside ASCII' ;;
esac

# The token comes to curl on standard input, since everybody can see argv. -q: without curlrc.
# -L with no redirect allowed makes one an error; without -L it would be an empty success.
send() (
    cd -P "$here" || exit 2  # -P: it was found by way of the true folders too
    printf '%s\n' "$token" |
        sed 's/["\\]/\\&/g; s/.*/header = "Authorization: Bearer &"/' |
        curl -q -K - -sS --http1.1 --fail-with-body -L --max-redirs 0 -g \
            --connect-timeout @CONNECT_TIMEOUT@ -A prodia-compose/@VERSION@ \
            -H "Accept: ${PRODIA_ACCEPT:-@ACCEPT@}" \
            -H 'Accept-Encoding: identity' -H 'Expect:' \
@PARTS@            "$base@PATH@"
)

[ "$file" != - ] || { send; exit; }
(: > "$file") 2> /dev/null || die 2 "$file: exists, or cannot be made; nothing was sent"
trap '[ ! -f "$file" ] || [ -s "$file" ] || rm "$file"' EXIT  # empty, it would be in the way
trap 'exit 130' INT
trap 'exit 143' HUP TERM
send >| "$file"
code=$?
case $code in
    0) printf '%s\n' "$file" ;;
    22) [ ! -f "$file" ] || { cat "$file" && echo && rm "$file"; } >&2 ;;
    [2-7] | 26 | 35 | 60 | 77) ;;  # it was not sent, and curl has said why
    *) printf 'send.sh: it may have run and may be billed; %s has what came, if any\n' "$file" >&2 ;;
esac
exit "$code"
