// curl, as far as the scripts and health checks of the helper containers use it: one request by HTTP/1.1. Its exit codes are curl's own.
// It leaves the machine for nothing: S3 is at --s3-url, which curl does not have, and any other name of AWS's is not known.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { request } from "node:http";
import { connect, isIP } from "node:net";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";

let isSilent = false;

function fail(exitCode, message) {
    if (!isSilent) {
        console.error(`curl: (${exitCode}) ${message}`);
    }
    process.exit(exitCode);
}

function readArgs() {
    const flag = (short) => ({ type: "boolean", ...(short && { short }) });
    const text = (short) => ({ type: "string", ...(short && { short }) });
    try {
        return parseArgs({
            allowPositionals: true,
            options: {
                fail: flag("f"),
                globoff: flag("g"),
                "haproxy-protocol": flag(),
                insecure: flag("k"),
                "max-time": text("m"),
                output: text("o"),
                request: text("X"),
                "s3-url": text(),
                "show-error": flag("S"),
                silent: flag("s"),
                "unix-socket": text(),
            },
        });
    } catch (error) {
        return fail(2, error.message.split(". ")[0]);
    }
}

const { values, positionals } = readArgs();
isSilent = (values.silent && !values["show-error"]) ?? false;
if (positionals.length !== 1) {
    fail(2, `one URL is to be given, not ${positionals.length}`);
}
if (!URL.canParse(positionals[0])) {
    fail(3, `URL rejected: ${positionals[0]}`);
}
const url = new URL(positionals[0]);
if (!["http:", "https:"].includes(url.protocol)) {
    fail(1, `Protocol "${url.protocol.slice(0, -1)}" not supported`);
}
if (!values.globoff && /[[\]{}]/.test(positionals[0])) {
    fail(3, "URLs with brackets or braces are taken with --globoff only");
}
if (values["max-time"] !== undefined) {
    const seconds = Number(values["max-time"]);
    if (!(seconds > 0)) {
        fail(2, `expected a number of seconds, not "${values["max-time"]}"`);
    }
    setTimeout(() => fail(28, `Operation timed out after ${seconds} s`), seconds * 1_000);
}

/** What an HAProxy says first of a connection (proxy protocol, version 1). */
function announce({ localAddress, remoteAddress, localPort, remotePort }) {
    const family = isIP(localAddress ?? "") === 6 ? "TCP6" : "TCP4";
    const peers = `${family} ${localAddress} ${remoteAddress} ${localPort} ${remotePort}`;
    return `PROXY ${localAddress === undefined ? "UNKNOWN" : peers}\r\n`;
}

/** Where a bucket's own name is answered, by plain HTTP. */
const s3 = values["s3-url"] && /\.s3[.-][\w.-]*amazonaws\.com(\.cn)?$/.test(url.hostname) && new URL(values["s3-url"]);
if (!s3 && /\.(amazonaws\.com(\.cn)?|aws)$/.test(url.hostname)) {
    fail(6, `Could not resolve host: ${url.hostname}`);
}

async function connection() {
    const { hostname, port: given, protocol } = s3 || url;
    const host = hostname.replace(/^\[|\]$/g, "");
    const port = Number(given) || (protocol === "https:" ? 443 : 80);
    const path = values["unix-socket"];
    const socket = connect(path === undefined ? { host, port } : { path });
    await once(socket, "connect").catch((error) => fail(error.syscall === "getaddrinfo" ? 6 : 7, error.message));
    if (values["haproxy-protocol"]) {
        socket.write(announce(socket));
    }
    if (protocol === "http:") {
        return socket;
    }
    const tls = await import("node:tls");
    const secure = tls.connect({ socket, host, rejectUnauthorized: false, servername: isIP(host) ? "" : host });
    await once(secure, "secureConnect").catch((error) => fail(35, error.message));
    const fault = secure.authorizationError ?? tls.checkServerIdentity(host, secure.getPeerCertificate())?.message;
    if (fault && !values.insecure) {
        fail(60, `SSL certificate problem: ${fault}`);
    }
    return secure;
}

const opened = await connection();
const sent = request({
    createConnection: () => opened,
    method: values.request ?? "GET",
    path: url.pathname + url.search,
    headers: { host: url.host, "user-agent": "curl", accept: "*/*" },
}).end();
const [response] = await once(sent, "response").catch((error) => fail(56, error.message));
if (values.fail && response.statusCode >= 400) {
    fail(22, `The requested URL returned error: ${response.statusCode}`);
}
const output = values.output === undefined ? process.stdout : createWriteStream(values.output);
output.once("error", (error) => fail(23, error.message));
await pipeline(response, output, { end: output !== process.stdout }).catch((error) => fail(56, error.message));
process.exit();
