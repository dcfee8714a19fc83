import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";

import { omit } from "../../machine/omit";
import { AwsError } from "../gateway/overlay";
import type { AwsRequest, AwsResponse, Forward, Overlay } from "../gateway/overlay";

interface Tag {
    readonly Key: string;
    readonly Value: string;
}

interface ImportInput {
    readonly CertificateArn?: string;
    readonly Tags?: readonly Tag[];
    readonly Certificate?: string;
    readonly PrivateKey?: string;
    readonly CertificateChain?: string;
}

interface RequestInput {
    readonly DomainName: string;
    readonly SubjectAlternativeNames?: readonly string[];
}

/** What the emulator makes up for an imported certificate, as it really is. */
interface CertificateFacts {
    readonly DomainName: string;
    readonly SubjectAlternativeNames: readonly string[];
    readonly Subject: string;
    readonly Issuer: string;
    readonly Serial: string;
    /** Seconds since 1970. */
    readonly NotBefore: number;
    readonly NotAfter: number;
    readonly ImportedAt?: number;
    readonly KeyAlgorithm: string;
    readonly SignatureAlgorithm: string;
}

/** PEM. */
export interface KeyPair {
    readonly chain: string;
    readonly privateKey: string;
}

export interface AcmOverlay extends Overlay {
    /** What a load balancer gets from ACM. */
    keyPairOf(certificateArn: string): KeyPair | undefined;
    /** Those it was imported with. */
    tagsOf(certificateArn: string): readonly Tag[];
}

export interface AcmOptions {
    /** A load balancer may have to use another certificate from now on. */
    readonly onChange?: () => void;
    /** Issues what was requested and validated. */
    readonly issue?: (names: readonly string[]) => Promise<KeyPair>;
    /** Whether a load balancer has it, or had it a moment ago. */
    readonly isInUse?: (certificateArn: string) => boolean;
    /** Whether DNS answers so. */
    readonly isPublished?: (record: ValidationRecord) => boolean;
}

/** What proves that a domain is the requester's; it is always the same for an account and a domain. */
export interface ValidationRecord {
    readonly Name: string;
    readonly Type: "CNAME";
    readonly Value: string;
}

/** The emulator stores certificates; we read and check the imported ones, and issue the requested ones once DNS validates them. */
export function acmOverlay(options: AcmOptions = {}): AcmOverlay {
    const { onChange = () => undefined, issue, isPublished = () => false, isInUse = () => false } = options;
    const imported = new Map<string, CertificateFacts>();
    const keyPairs = new Map<string, KeyPair>();
    const requested = new Map<string, readonly string[]>();

    const tags = new Map<string, readonly Tag[]>();

    async function importCertificate(request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const input = JSON.parse(request.body.toString()) as ImportInput;
        const facts = readImport(input);
        const response = await forward(request);
        if (response.status === 200) {
            const { CertificateArn } = JSON.parse(response.body.toString()) as { CertificateArn: string };
            imported.set(CertificateArn, facts);
            if (input.CertificateArn === undefined) {
                tags.set(CertificateArn, input.Tags ?? []);
            }
            const [certificate, chain, privateKey] = [input.Certificate, input.CertificateChain, input.PrivateKey].map(
                (base64 = "") => Buffer.from(base64, "base64").toString(),
            );
            keyPairs.set(CertificateArn, { chain: `${certificate.trimEnd()}\n${chain}`, privateKey });
            onChange();
        }
        return response;
    }

    async function requestCertificate(request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const response = await forward(request);
        if (response.status === 200) {
            const input = JSON.parse(request.body.toString()) as RequestInput;
            const { CertificateArn } = JSON.parse(response.body.toString()) as { CertificateArn: string };
            const { DomainName, SubjectAlternativeNames = [] } = input;
            requested.set(CertificateArn, [...new Set([DomainName, ...SubjectAlternativeNames])]);
        }
        return response;
    }

    /** ISSUED as soon as DNS has all records that validate it. */
    async function describeRequested(request: AwsRequest, forward: Forward, names: readonly string[]) {
        const { CertificateArn } = JSON.parse(request.body.toString()) as { readonly CertificateArn: string };
        const records = names.map((name) => validationRecord(request.accountId, name));
        if (!keyPairs.has(CertificateArn) && issue && records.every(isPublished)) {
            const keyPair = await issue(names);
            keyPairs.set(CertificateArn, keyPair);
            imported.set(CertificateArn, omit(describe(new X509Certificate(keyPair.chain)), "ImportedAt"));
            onChange();
        }
        const response = await withFacts(request, forward);
        const { Certificate } = JSON.parse(response.body.toString()) as { readonly Certificate: object };
        const isIssued = keyPairs.has(CertificateArn);
        const DomainValidationOptions = names.map((DomainName, index) => ({
            DomainName,
            ValidationDomain: DomainName,
            ValidationMethod: "DNS",
            ValidationStatus: isIssued ? "SUCCESS" : "PENDING_VALIDATION",
            ResourceRecord: records[index],
        }));
        const shown = isIssued
            ? Certificate
            : { ...Certificate, Status: "PENDING_VALIDATION", NotBefore: undefined, NotAfter: undefined };
        return {
            ...response,
            body: Buffer.from(JSON.stringify({ Certificate: { ...shown, DomainValidationOptions } })),
        };
    }

    /** Each description of a certificate in the answer, put right. */
    async function withFacts(request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const response = await forward(request);
        const body: unknown = JSON.parse(response.body.toString(), (key, value: unknown) => {
            if (key === "Tags") {
                return undefined; // the emulator tells them, which ACM does by ListTagsForCertificate
            }
            const isSummary = /^\d+$/.test(key);
            const { CertificateArn = "" } = (value ?? {}) as { readonly CertificateArn?: string };
            const facts = key === "Certificate" || isSummary ? imported.get(CertificateArn) : undefined;
            return facts ? { ...(value as object), ...(isSummary ? summarize(facts) : facts) } : value;
        });
        return { ...response, body: Buffer.from(JSON.stringify(body)) };
    }

    return {
        service: "acm",
        keyPairOf: (certificateArn) => keyPairs.get(certificateArn),
        tagsOf: (certificateArn) => tags.get(certificateArn) ?? [],
        async handle(request, forward) {
            switch (request.operation) {
                case "ImportCertificate":
                    return importCertificate(request, forward);
                case "RequestCertificate":
                    return requestCertificate(request, forward);
                case "DescribeCertificate": {
                    const { CertificateArn = "" } = JSON.parse(request.body.toString()) as { CertificateArn?: string };
                    const names = requested.get(CertificateArn);
                    return names ? describeRequested(request, forward, names) : withFacts(request, forward);
                }
                case "DeleteCertificate": {
                    const { CertificateArn = "" } = JSON.parse(request.body.toString()) as { CertificateArn?: string };
                    if (isInUse(CertificateArn)) {
                        throw new AwsError("ResourceInUseException", `Certificate ${CertificateArn} is in use.`);
                    }
                    keyPairs.delete(CertificateArn);
                    requested.delete(CertificateArn);
                    return undefined;
                }
                case "ListCertificates":
                    return withFacts(request, forward);
                case undefined:
                default:
                    return undefined;
            }
        },
    };
}

/** A wildcard is validated by the record of the name it stands below. */
function validationRecord(accountId: string, name: string): ValidationRecord {
    const base = name.replace(/^\*\./, "");
    const [label, target] = [`name ${accountId} ${base}`, `value ${accountId} ${base}`].map((text) =>
        createHash("sha256").update(text).digest("hex").slice(0, 32),
    );
    return { Name: `_${label}.${base}.`, Type: "CNAME", Value: `_${target}.acm-validations.aws.` };
}

function summarize({ SubjectAlternativeNames, ...facts }: CertificateFacts) {
    const { DomainName, NotBefore, NotAfter, ImportedAt, KeyAlgorithm } = facts;
    return {
        DomainName,
        SubjectAlternativeNameSummaries: SubjectAlternativeNames,
        NotBefore,
        NotAfter,
        ImportedAt,
        KeyAlgorithm,
    };
}

function readImport({ Certificate, PrivateKey, CertificateChain }: ImportInput): CertificateFacts {
    const [certificate, ...others] = readCertificates("certificate", Certificate);
    if (others.length > 0) {
        refuse(
            "The certificate field contains more than one certificate. You can specify only one certificate in this field.",
        );
    }
    const facts = describe(certificate);
    if (!certificate.checkPrivateKey(readPrivateKey(PrivateKey))) {
        refuse("The private key does not match the certificate.");
    }
    if (Date.now() < facts.NotBefore * 1_000 || Date.now() > facts.NotAfter * 1_000) {
        refuse(`The certificate is valid from ${certificate.validFrom} to ${certificate.validTo}, which is not now.`);
    }
    if (CertificateChain) {
        const chain = [certificate, ...readCertificates("certificate chain", CertificateChain)];
        const isChain = chain.slice(1).every((issuer, index) => isIssuedBy(chain[index], issuer));
        if (!isChain) {
            refuse("Could not validate the certificate with the certificate chain.");
        }
    } else if (!isIssuedBy(certificate, certificate)) {
        refuse(
            "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or certificate chain.",
        );
    }
    return facts;
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function readCertificates(what: string, base64 = ""): X509Certificate[] {
    const pem = Buffer.from(base64, "base64").toString();
    const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    try {
        const certificates = blocks.map((block) => new X509Certificate(block));
        if (certificates.length > 0) {
            return certificates;
        }
    } catch {
        // Said below.
    }
    return refuse(`The ${what} that is specified is not a valid PEM-encoded X.509 certificate.`);
}

function readPrivateKey(base64 = ""): KeyObject {
    try {
        return createPrivateKey(Buffer.from(base64, "base64"));
    } catch {
        return refuse("The private key is not supported. It must be PEM-encoded and not encrypted.");
    }
}

function describe(certificate: X509Certificate): CertificateFacts {
    const names = (certificate.subjectAltName ?? "")
        .split(", ")
        .filter((name) => name.startsWith("DNS:"))
        .map((name) => name.slice(4));
    const commonName = /^CN=(.+)$/m.exec(certificate.subject)?.[1];
    const DomainName = commonName ?? names[0];
    if (DomainName === undefined) {
        return refuse("The certificate has neither a common name nor a DNS name among its subject alternative names.");
    }
    return {
        DomainName,
        SubjectAlternativeNames: names.length > 0 ? names : [DomainName],
        Subject: (certificate.subject ?? "").split("\n").join(","),
        Issuer: certificate.issuer.split("\n").join(","),
        Serial: certificate.serialNumber.toLowerCase().replace(/..(?=.)/g, "$&:"),
        NotBefore: certificate.validFromDate.getTime() / 1_000,
        NotAfter: certificate.validToDate.getTime() / 1_000,
        ImportedAt: Math.floor(Date.now() / 1_000),
        KeyAlgorithm: keyAlgorithm(certificate.publicKey),
        SignatureAlgorithm: signatureAlgorithm(certificate),
    };
}

const rsaLengths = [1_024, 2_048, 3_072, 4_096];
const curves = ["prime256v1", "secp384r1", "secp521r1"];

function keyAlgorithm({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
    const { modulusLength = 0, namedCurve = "" } = asymmetricKeyDetails ?? {};
    if (asymmetricKeyType === "rsa" && rsaLengths.includes(modulusLength)) {
        return `RSA_${modulusLength}`;
    }
    if (asymmetricKeyType === "ec" && curves.includes(namedCurve)) {
        return `EC_${namedCurve}`;
    }
    return refuse(
        `The key of the certificate, ${asymmetricKeyType} ${modulusLength || namedCurve}, is not supported: ` +
            `expected RSA of ${rsaLengths.join(", ")} bits or one of the curves ${curves.join(", ")}.`,
    );
}

/** OpenSSL's "ecdsa-with-SHA384" or "sha256WithRSAEncryption" as ACM writes it. */
function signatureAlgorithm({ signatureAlgorithm: name = "" }: X509Certificate): string {
    return `${/sha\d+/i.exec(name)?.[0]}WITH${/ecdsa/i.test(name) ? "ECDSA" : "RSA"}`.toUpperCase();
}

function refuse(message: string): never {
    throw new AwsError("ValidationException", message);
}
