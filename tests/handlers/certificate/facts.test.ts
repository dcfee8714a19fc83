import { webcrypto } from "node:crypto";
import { SubjectAlternativeNameExtension, X509CertificateGenerator, type X509Certificate } from "@peculiar/x509";
import { expect } from "chai";
import { checkNew, inspect, readChain } from "../../../handlers/certificate/facts";

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const P384 = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };
const RSA = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    publicExponent: new Uint8Array([1, 0, 1]),
    modulusLength: 3072,
};
const dates = { notBefore: new Date("2026-01-01T00:00:00Z"), notAfter: new Date("2026-04-01T00:00:00Z") };
const now = new Date("2026-02-01T00:00:00Z");
const directoryUrl = "https://ca.example.test/dir";

interface Issued {
    readonly certificate: X509Certificate;
    readonly keys: webcrypto.CryptoKeyPair;
}

type Algorithm = typeof P256 | typeof RSA;

async function authority(name: string): Promise<Issued> {
    const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned(
        { ...dates, name: `CN=${name}`, keys, signingAlgorithm: P256 },
        webcrypto,
    );
    return { certificate, keys };
}

/** A certificate without a common name, as newer profiles make it. */
async function leaf(issuer: Issued, algorithm: Algorithm = P256): Promise<Issued> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.create(
        {
            ...dates,
            serialNumber: "0a0b",
            issuer: issuer.certificate.subject,
            signingKey: issuer.keys.privateKey,
            publicKey: keys.publicKey,
            signingAlgorithm: P256,
            extensions: [
                new SubjectAlternativeNameExtension([
                    { type: "dns", value: "*.Tasks.example.test" },
                    { type: "dns", value: "tasks.example.test" },
                ]),
            ],
        },
        webcrypto,
    );
    return { certificate, keys };
}

async function delivered(chain: readonly Issued[], keys = chain[0].keys) {
    const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
    return {
        certificateChain: chain.map(({ certificate }) => `${certificate.toString("pem")}\n`).join(""),
        privateKey: `-----BEGIN PRIVATE KEY-----\n${der.toString("base64")}\n-----END PRIVATE KEY-----\n`,
    };
}

describe("inspect", () => {
    it("reads names, key type, serial number and dates, and asks no common name", async () => {
        const issuer = await authority("CA");
        expect(inspect(await delivered([await leaf(issuer), issuer]), { directoryUrl })).to.deep.equal({
            names: ["*.tasks.example.test", "tasks.example.test"],
            keyType: "P-256",
            directoryUrl,
            serialNumber: "0A0B",
            ...dates,
        });
    });

    it("knows the kinds of keys", async () => {
        const issuer = await authority("CA");
        for (const [algorithm, keyType] of [
            [P384, "P-384"],
            [RSA, "RSA-3072"],
        ] as const) {
            const certificate = await delivered([await leaf(issuer, algorithm), issuer]);
            expect(inspect(certificate, { directoryUrl }).keyType).to.equal(keyType);
        }
    });

    it("refuses a chain whose certificates did not issue one another, by name or only by signature", async () => {
        const [issuer, namesake, other] = [await authority("CA"), await authority("CA"), await authority("Other")];
        const issued = await leaf(issuer);
        for (const wrong of [namesake, other]) {
            const certificate = await delivered([issued, wrong]);
            expect(() => inspect(certificate, { directoryUrl })).to.throw(
                /in the chain is not issued by the next one, "CN=/,
            );
        }
    });

    it("refuses another certificate's key, and a chain without a certificate", async () => {
        const issuer = await authority("CA");
        const [one, other] = [await leaf(issuer), await leaf(issuer)];
        const certificate = await delivered([one, issuer], other.keys);
        expect(() => inspect(certificate, { directoryUrl })).to.throw("the private key is not the certificate's");
        expect(() => inspect({ ...certificate, certificateChain: "" }, { directoryUrl })).to.throw(
            "holds no certificate",
        );
    });

    it("refuses a chain without an issuer, one that is cut off, and one that holds something else", async () => {
        const issuer = await authority("CA");
        const issued = await leaf(issuer);
        const { certificateChain, privateKey } = await delivered([issued, issuer]);
        const refusal = (chain: string) => () => inspect({ certificateChain: chain, privateKey }, { directoryUrl });
        const alone = (await delivered([issued])).certificateChain;
        expect(refusal(alone)).to.throw("the chain lacks the issuer's certificate");
        const cutOff = "the chain is cut off, or holds something else than certificates";
        expect(refusal(certificateChain.slice(0, -30))).to.throw(cutOff);
        expect(refusal(certificateChain + privateKey)).to.throw(cutOff);
    });

    it("reads no more of a chain than its certificates", async () => {
        const { certificateChain } = await delivered([await authority("CA"), await authority("Other")]);
        const blocks = readChain(certificateChain.replace("-----END CERTIFICATE-----\n", "$&,\n# comment\n"));
        expect(blocks.join("")).to.equal(certificateChain);
    });
});

describe("checkNew", () => {
    const wanted = { names: ["tasks.example.test", "*.tasks.example.test"], keyType: "P-256", directoryUrl };
    const facts = { ...wanted, serialNumber: "01", ...dates };

    it("takes a certificate that is what was asked for, and in force", () => {
        expect(() => checkNew(facts, wanted, now)).to.not.throw();
        expect(() => checkNew(facts, wanted, dates.notBefore)).to.not.throw();
    });

    it("refuses other names, another key, and one that is not in force", () => {
        expect(() => checkNew({ ...facts, names: ["x.test"] }, wanted, now)).to.throw(
            "the new certificate is for x.test and not for *.tasks.example.test, tasks.example.test",
        );
        expect(() => checkNew({ ...facts, keyType: "RSA-2048" }, wanted, now)).to.throw("has a key of type RSA-2048");
        // A clock that is behind wastes no certificate: authorities that do not backdate are an hour ahead of it at most.
        expect(() => checkNew(facts, wanted, new Date(dates.notBefore.getTime() - 3_600_000))).to.not.throw();
        for (const wrong of [new Date(dates.notBefore.getTime() - 3_600_001), dates.notAfter]) {
            expect(() => checkNew(facts, wanted, wrong)).to.throw("and not now");
        }
    });
});
