// Shell scripts of the helper containers beside Envoy, whose own image has no shell. POSIX sh with BusyBox's tools; settings come as
// environment variables, so that the scripts are constants.
import { watcher } from "../../../handlers/sessionNames";
import { adminSocket } from "./envoyBootstrap";
import { ownIdPlaceholder, routesFile, sunsetPlaceholder } from "./routes";
import { firstCertificate, selfSignedFiles, served, ServedCertificate } from "./servedCertificates";

/** When a task ends by itself that has a lifetime, in seconds since the epoch; its `init` container writes that, too. */
export const endFile = "/run/envoy/end";

/** A volume that a task mounts belongs to root alone; Envoy is not root and makes its admin socket there. */
export const openVolume = `set -eu
chmod 1777 ${directoryOf(adminSocket)}`;

/**
 * Writes ROUTES with the task's own id, which is in the metadata URI that ECS puts into each container's environment: 32 hex digits and a hyphen.
 * Were it missing or anything else, every name below the domain is served.
 */
export const writeRoutes = `own=$(printf %s "\${ECS_CONTAINER_METADATA_URI_V4:-}" | sed -n 's#.*/v4/\\([0-9a-f]\\{32\\}\\)-.*#\\1#p')
printf %s "$ROUTES" | sed "s/${ownIdPlaceholder}/\${own:-*}/" > ${routesFile}`;

/**
 * The same, and puts the values of the task's variables in REQUIRED_VARIABLES where they are to be compared with a token's claims. Without one of them
 * nobody could be told from anybody, so the task does not start.
 */
export const writeGuardedRoutes = `export LC_ALL=C
for name in $REQUIRED_VARIABLES; do
    value=$(printenv "$name" || :)
    case $value in
        "" | *[!A-Za-z0-9._:@=+-]*)
            echo "$name must be given to the container init, as letters, digits and . _ : @ = + - alone: its value says whose this task is"
            exit 1
            ;;
    esac
    ROUTES=$(printf %s "$ROUTES" | sed "s/<$name>/$value/g")
done
${writeRoutes}`;

/**
 * Goes before either: says when the task ends, LIFETIME_SECONDS from now on, in seconds since the epoch to who ends it, and in the routes as an HTTP date
 * (RFC 9110, section 5.6.7).
 */
export const writeEnd = `end=$(($(date +%s) + LIFETIME_SECONDS))
printf %s "$end" > ${endFile}
sunset=$(LC_ALL=C date -u -d "@$end" "+%a, %d %b %Y %H:%M:%S GMT")
ROUTES=$(printf %s "$ROUTES" | sed "s/${sunsetPlaceholder}/$sunset/")`;

/**
 * Makes a key and a certificate for this one task. A load balancer does not check the certificates of its targets: it needs the encryption.
 * They outlive any task. Only Envoy has the volume besides, and reads them as another user.
 */
export const makeCertificate = `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=taskgate -keyout ${selfSignedFiles.key} -out ${selfSignedFiles.chain}
chmod 0444 ${selfSignedFiles.key} ${selfSignedFiles.chain}`;

/** Tells Envoy of the certificate in its environment, in a folder where another user may put later ones in its place. */
export function writeFirstCertificate(certificate: ServedCertificate): string {
    const { file } = certificate;
    return `mkdir ${directoryOf(file)}
chmod 0777 ${directoryOf(file)}
printf %s '${firstCertificate(certificate)}' > ${file}`;
}

/**
 * Looks at CERTIFICATE_URL, and at RSA_CERTIFICATE_URL where there is one, every POLL_SECONDS at most, at a random moment, and moves what is new
 * there into the place of what Envoy serves. It cannot read the key in it. What Envoy cannot open it does not take, and goes on with what it had.
 * A copy names the variable with the key's password as if it were the only one.
 */
export const followCertificate = `look() {
    curl --silent --show-error --fail --max-time 20 --output "$1.got" "$2" || return
    sed "s/\"${served.main.variables.password}\"/\"$3\"/" "$1.got" > "$1.next"
    cmp -s "$1.next" "$1" && return
    mv "$1.next" "$1"
    echo "took up another certificate"
}
follow() {
    while sleep $((1 + $(od -An -N2 -tu2 /dev/urandom) % POLL_SECONDS)); do
        look ${served.main.file} "$CERTIFICATE_URL" ${served.main.variables.password}
        [ -z "\${RSA_CERTIFICATE_URL:-}" ] || look ${served.rsa.file} "$RSA_CERTIFICATE_URL" ${served.rsa.variables.password}
    done
}
follow &`;

/** Seconds in which who uses a connection has asked for something, and was told to close it with the answer. */
const toldWithin = 5;

/**
 * Waits for SIGTERM, which ECS sends to this container first because it depends on Envoy, and drains Envoy before it lets ECS go on: clients
 * are told to close their connections, and requests and WebSockets under way may end. Not before LEAST_DRAIN_SECONDS, while a router
 * may not have noticed the stop yet; not after DRAIN_SECONDS. Envoy tells a client with its next answer: who keeps a connection has some seconds
 * to ask for one.
 */
export const drainEnvoy = `${drain()}
tail -f /dev/null &
wait $!`;

/** Why a task may end by itself. */
export interface Watched {
    /** When for IDLE_SECONDS no request has reached the app and none is under way. */
    readonly idle: boolean;
    /** When the time that `writeEnd` has written down has come. */
    readonly lifetime: boolean;
}

/**
 * The same, and looks every CHECK_SECONDS whether to drain and to end, and with it the task. An open WebSocket or event stream is a request under way. What
 * Envoy answers itself, such as the health check and other names, is none.
 */
export function drainWatchedEnvoy({ idle, lifetime }: Watched): string {
    return `code=0
${drain('"$code"')}
${idle ? watchIdle.before : ""}${lifetime ? watchLifetime.before : ""}while :; do
    sleep "$CHECK_SECONDS" &
    wait $!
${lifetime ? watchLifetime.step : ""}${idle ? watchIdle.step : ""}done`;
}

const watchIdle = {
    before: `requests() { admin 'http://envoy/stats?filter=^cluster[.]app[.]upstream_rq_total$' | awk '{ print $2 }'; }
under_way() { admin 'http://envoy/stats?filter=^cluster[.]app[.]upstream_rq_active$' | awk '{ print $2 }'; }
seen=
since=$(date +%s)
`,
    step: `    total=$(requests)
    if [ -z "$total" ] || [ "$total" != "$seen" ] || [ "$(under_way)" != 0 ]; then
        seen=$total
        since=$(date +%s)
    elif [ $(($(date +%s) - since)) -ge "$IDLE_SECONDS" ]; then
        echo "no request for $IDLE_SECONDS s"
        code=${watcher.idle}
        drain
    fi
`,
} as const;

const watchLifetime = {
    before: `end=$(cat ${endFile})
`,
    step: `    if [ "$(date +%s)" -ge "$end" ]; then
        echo "its time is over"
        code=${watcher.lifetime}
        drain
    fi
`,
} as const;

/** What both have in common: the trap is set when it is over. */
function drain(code = "0"): string {
    return `set -u
admin() { curl --silent --fail --globoff --max-time 5 --unix-socket ${adminSocket} "$@"; }
active() {
    found=$(admin "http://envoy/stats?filter=^http[.]https?[.]downstream_$1_active")
    case $? in
    0) echo "$found" | awk '{ sum += $2 } END { print sum + 0 }' ;;
    28) echo unknown ;; # too busy to answer
    *) echo 0 ;; # it has ended
    esac
}
drain() {
    started=$(date +%s)
    admin --request POST --output /dev/null http://envoy/healthcheck/fail
    admin --request POST --output /dev/null 'http://envoy/drain_listeners?graceful&skip_exit'
    while seconds=$(($(date +%s) - started)); [ "$seconds" -lt "$DRAIN_SECONDS" ]; do
        if [ "$seconds" -ge "$LEAST_DRAIN_SECONDS" ]; then
            [ "$(active cx)" = 0 ] && break
            [ "$seconds" -ge ${toldWithin} ] && [ "$(active rq)" = 0 ] && break
        fi
        sleep 1
    done
    echo "drained in $seconds s, $(active rq) requests cut"
    exit ${code}
}
trap drain TERM`;
}

function directoryOf(file: string): string {
    return file.slice(0, file.lastIndexOf("/"));
}
