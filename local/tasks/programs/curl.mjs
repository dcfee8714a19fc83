// curl, as far as the scripts and health checks of the helper containers use it: one request by HTTP/1.1. Its exit codes are curl's own.
// It leaves the machine for nothing: S3 is at --s3-url, which curl does not have, and any other name of AWS's is not known.
import { once } from "node:events";
import { createWriteStream, realpathSync } from "node:fs";
import { request } from "node:http";
import { connect, isIP } from "node:net";
import { resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

class Failure extends Error {
    constructor(exitCode, message) {
        super(message);
        this.exitCode = exitCode;
    }
}

function fail(exitCode, message) {
    throw new Failure(exitCode, message);
}

/** Does what the words say, and answers the exit code. `cwd` is where the paths in them begin. */
export async function curl(args, { cwd = "", stdout = process.stdout, tell = console.error, signal } = {}) {
    let isSilent = false;
    try {
        const { values, positionals } = readArgs(args);
        isSilent = (values.silent && !values["show-error"]) ?? false;
        await ask(values, urlOf(values, positionals), { cwd, stdout, signal });
        return 0;
    } catch (error) {
        if (!(error instanceof Failure)) {
            throw error;
        }
        if (!isSilent) {
            tell(`curl: (${error.exitCode}) ${error.message}`);
        }
        return error.exitCode;
    }
}

function readArgs(args) {
    const flag = (short) => ({ type: "boolean", ...(short && { short }) });
    const text = (short) => ({ type: "string", ...(short && { short }) });
    try {
        return parseArgs({
            args,
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

function urlOf(values, positionals) {
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
    return url;
}

async function ask(values, url, { cwd, stdout, signal }) {
    const seconds = Number(values["max-time"] ?? Infinity);
    if (!(seconds > 0)) {
        fail(2, `expected a number of seconds, not "${values["max-time"]}"`);
    }
    const timeOver = seconds === Infinity ? undefined : AbortSignal.timeout(seconds * 1_000);
    const ends = AbortSignal.any([signal, timeOver].filter((one) => one !== undefined));
    const sockets = [];
    try {
        const socket = await connection(values, url, cwd, ends, sockets);
        const sent = request({
            createConnection: () => socket,
            method: values.request ?? "GET",
            path: url.pathname + url.search,
            headers: { host: url.host, "user-agent": "curl", accept: "*/*" },
            signal: ends,
        }).end();
        const [response] = await once(sent, "response").catch((error) => fail(56, error.message));
        if (values.fail && response.statusCode >= 400) {
            fail(22, `The requested URL returned error: ${response.statusCode}`);
        }
        const output = values.output === undefined ? stdout : createWriteStream(resolve(cwd, values.output));
        let unwritable;
        output.once("error", (error) => (unwritable = error));
        await pipeline(response, output, { end: output !== stdout, signal: ends }).catch((error) =>
            fail(error === unwritable ? 23 : 56, error.message),
        );
    } catch (error) {
        throw timeOver?.aborted ? new Failure(28, `Operation timed out after ${seconds} s`) : error;
    } finally {
        sockets.forEach((socket) => socket.destroy());
    }
}

/** What an HAProxy says first of a connection (proxy protocol, version 1). */
function announce({ localAddress, remoteAddress, localPort, remotePort }) {
    const family = isIP(localAddress ?? "") === 6 ? "TCP6" : "TCP4";
    const peers = `${family} ${localAddress} ${remoteAddress} ${localPort} ${remotePort}`;
    return `PROXY ${localAddress === undefined ? "UNKNOWN" : peers}\r\n`;
}

/** Whoever waits for a socket is told of its errors; one that nobody waits for any more is not to end the process. */
const heard = () => {};

async function connection(values, url, cwd, signal, sockets) {
    /** Where a bucket's own name is answered, by plain HTTP. */
    const s3 =
        values["s3-url"] && /\.s3[.-][\w.-]*amazonaws\.com(\.cn)?$/.test(url.hostname) && new URL(values["s3-url"]);
    if (!s3 && /\.(amazonaws\.com(\.cn)?|aws)$/.test(url.hostname)) {
        fail(6, `Could not resolve host: ${url.hostname}`);
    }
    const { hostname, port: given, protocol } = s3 || url;
    const host = hostname.replace(/^\[|\]$/g, "");
    const port = Number(given) || (protocol === "https:" ? 443 : 80);
    const path = values["unix-socket"];
    const socket = connect(path === undefined ? { host, port } : { path: cwd === "" ? path : resolve(cwd, path) });
    sockets.push(socket.on("error", heard));
    await once(socket, "connect", { signal }).catch((error) =>
        fail(error.syscall === "getaddrinfo" ? 6 : 7, error.message),
    );
    if (values["haproxy-protocol"]) {
        socket.write(announce(socket));
    }
    if (protocol === "http:") {
        return socket;
    }
    const tls = await import("node:tls");
    const secure = tls.connect({ socket, host, rejectUnauthorized: false, servername: isIP(host) ? "" : host });
    sockets.push(secure.on("error", heard));
    await once(secure, "secureConnect", { signal }).catch((error) => fail(35, error.message));
    const fault = secure.authorizationError ?? tls.checkServerIdentity(host, secure.getPeerCertificate())?.message;
    if (fault && !values.insecure) {
        fail(60, `SSL certificate problem: ${fault}`);
    }
    return secure;
}

if (realpathSync(process.argv[1] ?? ".") === fileURLToPath(import.meta.url)) {
    void curl(process.argv.slice(2)).then((exitCode) => process.exit(exitCode));
}
