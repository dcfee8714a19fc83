import { required } from "../environment";
import { failure } from "../failure";

/** Kinds of certificate keys. P-521 is not among them: Let's Encrypt refuses it. */
export type KeyType = "P-256" | "P-384" | "RSA-2048" | "RSA-3072" | "RSA-4096";

export interface CertificateSettings {
    /** The ACME directory (RFC 8555) of the certificate authority. */
    readonly directoryUrl: string;
    /** Contact of the ACME account; "" = none. */
    readonly email: string;
    /** Lower case; the first is the main one. */
    readonly names: readonly string[];
    readonly keyType: KeyType;
    readonly hostedZoneId: string;
    /** Name of the SSM parameter with the ACME account's key. */
    readonly accountKeyParameter: string;
    readonly bucketName: string;
    readonly secretArn: string;
}

export function readCertificateSettings(): CertificateSettings {
    return {
        directoryUrl: required("ACME_DIRECTORY_URL"),
        email: process.env.ACME_EMAIL ?? "",
        names: readNames(required("CERTIFICATE_NAMES")),
        keyType: readKeyType(required("KEY_TYPE")),
        hostedZoneId: required("HOSTED_ZONE_ID"),
        accountKeyParameter: required("ACCOUNT_KEY_PARAMETER"),
        bucketName: required("BUCKET_NAME"),
        secretArn: required("SECRET_ARN"),
    };
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
