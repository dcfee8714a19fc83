// openssl, as far as the helper containers' scripts use it: `req` makes a P-256 key and a certificate that it signs itself.
import { webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";

import {
    AuthorityKeyIdentifierExtension,
    BasicConstraintsExtension,
    SubjectKeyIdentifierExtension,
    X509CertificateGenerator,
} from "@peculiar/x509";

function fail(message) {
    console.error(`openssl: ${message}`);
    process.exit(1);
}

const flags = ["-x509", "-nodes"];
const valued = ["-newkey", "-pkeyopt", "-days", "-subj", "-keyout", "-out"];

function readArgs([command, ...words]) {
    if (command !== "req") {
        fail(`Invalid command '${command}'; there is req alone`);
    }
    const given = {};
    while (words.length > 0) {
        const option = words.shift();
        if (!flags.includes(option) && !valued.includes(option)) {
            fail(`req: Unknown option: ${option}`);
        }
        given[option] = flags.includes(option) ? true : words.shift();
    }
    const missing = [...flags, ...valued].find((option) => given[option] === undefined);
    if (missing) {
        fail(`req: ${missing} is needed`);
    }
    return given;
}

const given = readArgs(process.argv.slice(2));
if (given["-newkey"] !== "ec" || given["-pkeyopt"] !== "ec_paramgen_curve:P-256") {
    fail(`req: no key but -newkey ec -pkeyopt ec_paramgen_curve:P-256 can be made`);
}
if (!/^\d+$/.test(given["-days"])) {
    fail(`req: -days is no number: ${given["-days"]}`);
}
const [, commonName] =
    /^\/CN=([\w.-]+)$/.exec(given["-subj"]) ?? fail(`req: -subj is not /CN=<name>: ${given["-subj"]}`);

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
const certificate = await X509CertificateGenerator.createSelfSigned(
    {
        name: `CN=${commonName}`,
        notBefore: new Date(),
        notAfter: new Date(Date.now() + Number(given["-days"]) * 86_400_000),
        keys,
        signingAlgorithm: algorithm,
        extensions: [
            await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
            await AuthorityKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
            new BasicConstraintsExtension(true, undefined, true),
        ],
    },
    webcrypto,
);
const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
const lines = pkcs8.match(/.{1,64}/g).join("\n");
writeFileSync(given["-keyout"], `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`, { mode: 0o600 });
writeFileSync(given["-out"], `${certificate.toString("pem")}\n`);
