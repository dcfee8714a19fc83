import { webcrypto, X509Certificate } from "node:crypto";

import { ACM } from "@aws-sdk/client-acm";
import type { ResourceRecord } from "@aws-sdk/client-acm";
import { X509CertificateGenerator } from "@peculiar/x509";
import { expect } from "chai";

import { acmOverlay } from "../../../../local/aws/acm/overlay";
import type { AcmOverlay } from "../../../../local/aws/acm/overlay";
import { createAuthority, createTlsCertificate } from "../../../../local/internet/authorities/tlsCertificate";
import type { TlsFiles } from "../../../../local/internet/authorities/tlsCertificate";
import { clientConfig } from "../../../../local/machine/awsClients";
import { accountId, startEmulator } from "../../../support/emulator";
import type { Emulator } from "../../../support/emulator";

describe("ACM of the local system", () => {
    let aws: Emulator;
    let acm: ACM;
    let overlay: AcmOverlay;
    const published: ResourceRecord[] = [];
    const inUse = new Set<string>();
    let one: TlsFiles;
    let other: TlsFiles;

    before(async () => {
        const authority = await createAuthority("Amazon");
        overlay = acmOverlay({
            isInUse: (arn) => inUse.has(arn),
            issue: async (names) => {
                const { certificate, privateKey } = await authority.issue(names);
                return { chain: certificate, privateKey };
            },
            isPublished: ({ Name }) => published.some((record) => record.Name === Name),
        });
        aws = await startEmulator({ overlays: [overlay] });
        acm = new ACM({ ...clientConfig(aws.url, { accountId, region: "eu-west-1" }), maxAttempts: 1 });
        one = await createTlsCertificate("One CA");
        other = await createTlsCertificate("Another CA");
    });

    after(async () => {
        acm.destroy();
        await aws.stop();
    });

    async function importPem(certificate: string, key: string, chain?: string, arn?: string): Promise<string> {
        const { CertificateArn = "" } = await acm.importCertificate({
            CertificateArn: arn,
            Certificate: Buffer.from(certificate),
            PrivateKey: Buffer.from(key),
            CertificateChain: chain === undefined ? undefined : Buffer.from(chain),
        });
        return CertificateArn;
    }

    it("keeps what is in use", async () => {
        const { ca, certificate, privateKey } = other;
        const arn = await importPem(certificate, privateKey, ca);
        inUse.add(arn);
        expect(await acm.deleteCertificate({ CertificateArn: arn }).catch(String)).to.equal(
            `ResourceInUseException: Certificate ${arn} is in use.`,
        );
        inUse.delete(arn);
        await acm.deleteCertificate({ CertificateArn: arn });
    });

    async function refusal(...pems: [string, string, string?]): Promise<string> {
        return importPem(...pems).then(() => "imported", String);
    }

    async function selfSigned(hours: readonly [number, number]): Promise<{ certificate: string; privateKey: string }> {
        const algorithm = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2_048, hash: "SHA-384" };
        const keys = await webcrypto.subtle.generateKey(
            { ...algorithm, publicExponent: new Uint8Array([1, 0, 1]) },
            true,
            ["sign", "verify"],
        );
        const [notBefore, notAfter] = hours.map((hour) => new Date(Date.now() + hour * 3_600_000));
        const certificate = await X509CertificateGenerator.createSelfSigned(
            { name: "CN=plain.example.test,O=Example", keys, notBefore, notAfter, signingAlgorithm: algorithm },
            webcrypto,
        );
        const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
        return {
            certificate: certificate.toString("pem"),
            privateKey: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`,
        };
    }

    it("shows an imported certificate as it is", async () => {
        const arn = await importPem(one.certificate, one.privateKey, one.ca);
        const { Certificate: shown } = await acm.describeCertificate({ CertificateArn: arn });
        const real = new X509Certificate(one.certificate);
        expect(shown).to.deep.include({
            CertificateArn: arn,
            DomainName: "localhost",
            SubjectAlternativeNames: ["localhost"],
            Subject: "CN=localhost",
            Issuer: "CN=One CA",
            NotBefore: real.validFromDate,
            NotAfter: real.validToDate,
            KeyAlgorithm: "EC_prime256v1",
            SignatureAlgorithm: "SHA256WITHECDSA",
            Status: "ISSUED",
            Type: "IMPORTED",
        });
        expect(shown?.Serial?.replaceAll(":", "").toUpperCase()).to.equal(real.serialNumber);
        const { CertificateSummaryList = [] } = await acm.listCertificates({});
        const summary = CertificateSummaryList.find(({ CertificateArn }) => CertificateArn === arn);
        expect(summary).to.deep.include({
            DomainName: "localhost",
            SubjectAlternativeNameSummaries: ["localhost"],
            NotAfter: real.validToDate,
        });
    });

    it("takes a new certificate under the old ARN", async () => {
        const arn = await importPem(one.certificate, one.privateKey, one.ca);
        expect(await importPem(other.certificate, other.privateKey, other.ca, arn)).to.equal(arn);
        const { Certificate } = await acm.describeCertificate({ CertificateArn: arn });
        expect(Certificate?.Issuer).to.equal("CN=Another CA");
    });

    it("takes a self-signed RSA certificate without a chain", async () => {
        const { certificate, privateKey } = await selfSigned([-1, 1]);
        const { Certificate } = await acm.describeCertificate({
            CertificateArn: await importPem(certificate, privateKey),
        });
        expect(Certificate).to.deep.include({
            DomainName: "plain.example.test",
            SubjectAlternativeNames: ["plain.example.test"],
            Subject: "CN=plain.example.test,O=Example",
            KeyAlgorithm: "RSA_2048",
            SignatureAlgorithm: "SHA384WITHRSA",
        });
    });

    it("refuses what does not fit together, as ACM words it", async () => {
        expect(await refusal(one.certificate, other.privateKey, one.ca)).to.equal(
            "ValidationException: The private key does not match the certificate.",
        );
        expect(await refusal(one.certificate, one.privateKey, other.ca)).to.equal(
            "ValidationException: Could not validate the certificate with the certificate chain.",
        );
        expect(await refusal(one.certificate, one.privateKey)).to.equal(
            "ValidationException: Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or certificate chain.",
        );
        expect(await refusal(one.certificate + one.ca, one.privateKey)).to.equal(
            "ValidationException: The certificate field contains more than one certificate. You can specify only one certificate in this field.",
        );
        expect(await refusal("no PEM", one.privateKey)).to.equal(
            "ValidationException: The certificate that is specified is not a valid PEM-encoded X.509 certificate.",
        );
        expect(await refusal(one.certificate, "no PEM", one.ca)).to.equal(
            "ValidationException: The private key is not supported. It must be PEM-encoded and not encrypted.",
        );
    });

    it("refuses a certificate that has expired or is not valid yet", async () => {
        for (const hours of [
            [-2, -1],
            [1, 2],
        ] as const) {
            const { certificate, privateKey } = await selfSigned(hours);
            expect(await refusal(certificate, privateKey)).to.match(/is valid from .* to .*, which is not now\.$/);
        }
    });

    it("issues a requested certificate once DNS has the record that validates it", async () => {
        const { CertificateArn } = await acm.requestCertificate({
            DomainName: "app.example.test",
            ValidationMethod: "DNS",
        });
        const { Certificate: pending } = await acm.describeCertificate({ CertificateArn });
        published.push(pending!.DomainValidationOptions![0].ResourceRecord!);
        const { Certificate: issued } = await acm.describeCertificate({ CertificateArn });
        const keyPair = overlay.keyPairOf(CertificateArn!)!;

        expect(pending!.Status).to.equal("PENDING_VALIDATION");
        expect(pending!.DomainValidationOptions![0].ResourceRecord!.Name).to.match(
            /^_[0-9a-f]{32}\.app\.example\.test\.$/,
        );
        expect(issued).to.deep.include({ Status: "ISSUED", Type: "AMAZON_ISSUED", DomainName: "app.example.test" });
        expect(new X509Certificate(keyPair.chain).subjectAltName).to.equal("DNS:app.example.test");
    });
});
