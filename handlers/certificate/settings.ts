import { required } from "../environment";
import { failure } from "../failure";

/** Kinds of certificate keys. P-521 is not among them: Let's Encrypt refuses it. */
export type KeyType = "P-256" | "P-384" | "RSA-2048" | "RSA-3072" | "RSA-4096";

export interface CertificateSettings {
    /** The ACME directory (RFC 8555) of the certificate authority. */
    readonly directoryUrl: string;
    /** PEM: all that its own HTTPS certificate may chain to; none leaves that to Node.js. */
    readonly rootCertificates?: string;
    /** Contact of the ACME account; "" = none. */
    readonly email: string;
    /** Lower case; the first is the main one. */
    readonly names: readonly string[];
    readonly keyType: KeyType;
    /** What the authority is asked for; none leaves it to the authority. */
    readonly profile?: string;
    /** Whether a certificate of another profile is worse than none. */
    readonly profileRequired: boolean;
    /** The common name of the root that the chain should lead to; none takes the authority's own choice. */
    readonly preferredChain?: string;
    /** What the authority shows to its customers, and where the key to it is. */
    readonly externalAccount?: { readonly keyId: string; readonly keyReference: string };
    readonly hostedZoneId: string;
    /** Where a CNAME of the challenge's name leads to, if it does. */
    readonly delegation?: {
        /** With the trailing dot. */
        readonly recordName: string;
        readonly hostedZoneId: string;
        /** Role to assume for changes in that zone; none when this function may do it. */
        readonly roleArn?: string;
    };
    /** Name of the SSM parameter with the ACME account's key. */
    readonly accountKeyParameter: string;
    /** Name of the SSM parameter with an order that is under way, and its key. */
    readonly orderParameter: string;
    readonly bucketName: string;
    readonly secretArn: string;
    /** Where tasks that run find each certificate, with its key encrypted; none when they do not look. */
    readonly sealedBucketName?: string;
    /** Where tasks below the domain show the certificate to everybody; none when nobody is to look. */
    readonly watchedPort?: number;
    /** Whether the certificate is revoked when the stack is destroyed. */
    readonly revokeOnDestroy: boolean;
}

export function readCertificateSettings(): CertificateSettings {
    return {
        directoryUrl: required("ACME_DIRECTORY_URL"),
        rootCertificates: optional("ACME_ROOT_CERTIFICATES"),
        email: process.env.ACME_EMAIL ?? "",
        names: readNames(required("CERTIFICATE_NAMES")),
        keyType: readKeyType(required("KEY_TYPE")),
        profile: optional("ACME_PROFILE"),
        profileRequired: optional("ACME_PROFILE_REQUIRED") === "true",
        preferredChain: optional("ACME_PREFERRED_CHAIN"),
        externalAccount: pair(["keyId", "ACME_EAB_KEY_ID"], ["keyReference", "ACME_EAB_KEY_REFERENCE"]),
        hostedZoneId: required("HOSTED_ZONE_ID"),
        delegation: readDelegation(),
        accountKeyParameter: required("ACCOUNT_KEY_PARAMETER"),
        orderParameter: required("ORDER_PARAMETER"),
        bucketName: required("BUCKET_NAME"),
        secretArn: required("SECRET_ARN"),
        sealedBucketName: optional("SEALED_BUCKET_NAME"),
        watchedPort: Number(optional("WATCHED_PORT")) || undefined,
        revokeOnDestroy: optional("REVOKE_ON_DESTROY") === "true",
    };
}

function optional(name: string): string | undefined {
    return process.env[name] || undefined;
}

/** Two variables that make sense together only. */
function pair<One extends string, Other extends string>(
    [one, oneName]: readonly [One, string],
    [other, otherName]: readonly [Other, string],
): Record<One | Other, string> | undefined {
    const values = [optional(oneName), optional(otherName)];
    if (values.every((value) => value === undefined)) {
        return undefined;
    }
    return { [one]: required(oneName), [other]: required(otherName) } as Record<One | Other, string>;
}

function readDelegation(): CertificateSettings["delegation"] {
    const zone = pair(["recordName", "CHALLENGE_RECORD_NAME"], ["hostedZoneId", "CHALLENGE_HOSTED_ZONE_ID"]);
    return (
        zone && {
            hostedZoneId: zone.hostedZoneId,
            recordName: `${zone.recordName.toLowerCase().replace(/\.$/, "")}.`,
            roleArn: optional("CHALLENGE_ROLE_ARN"),
        }
    );
}

function readNames(text: string): string[] {
    const wrong = failure(
        "SettingsInvalid",
        `CERTIFICATE_NAMES is ${text}: give a JSON array of DNS names, such as ["*.tasks.example.com"].`,
    );
    let names: unknown;
    try {
        names = JSON.parse(text);
    } catch {
        throw wrong;
    }
    const name = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
    if (
        !Array.isArray(names) ||
        names.length === 0 ||
        !names.every((each) => typeof each === "string" && name.test(each))
    ) {
        throw wrong;
    }
    return [...new Set(names.map((each: string) => each.toLowerCase()))];
}

function readKeyType(text: string): KeyType {
    const keyTypes: readonly KeyType[] = ["P-256", "P-384", "RSA-2048", "RSA-3072", "RSA-4096"];
    const keyType = keyTypes.find((each) => each === text);
    if (keyType === undefined) {
        throw failure("SettingsInvalid", `KEY_TYPE is "${text}": choose one of ${keyTypes.join(", ")}.`);
    }
    return keyType;
}
