// How certificates come to Envoy.
import { dirname } from "node:path";

import { SEALED, secretOf } from "../../../handlers/certificateNames";
import { Json } from "./json";

/** One that ECS gives to a task. */
export interface ServedCertificate {
    /** Environment variables that carry it into the Envoy container, and into no other; the password is that of later ones. */
    readonly variables: { readonly chain: string; readonly key: string; readonly password: string };
    /** Where it is in a task that takes up later ones. Alone in its folder: Envoy looks at what is moved into it. */
    readonly file: string;
}

/** The certificate, and the one that clients get which know no ECDSA, if there is one. */
export const served: Readonly<Record<"main" | "rsa", ServedCertificate>> = {
    main: {
        variables: {
            chain: "TLS_CERTIFICATE_CHAIN",
            key: "TLS_PRIVATE_KEY",
            password: SEALED.passwordVariable,
        },
        file: "/run/envoy/certificate/current.json",
    },
    rsa: {
        variables: {
            chain: "TLS_RSA_CERTIFICATE_CHAIN",
            key: "TLS_RSA_PRIVATE_KEY",
            password: "TLS_RSA_KEY_PASSWORD",
        },
        file: "/run/envoy/rsa-certificate/current.json",
    },
};

/** Where the certificate is that a task has made for itself. */
export const selfSignedFiles = { chain: "/run/tls/certificate.pem", key: "/run/tls/key.pem" } as const;

/** Which there are. */
export interface CertificateOptions {
    /** Whether the certificate is in `selfSignedFiles`. Undefined: it is in the variables of `served.main`. */
    readonly selfSigned?: boolean;
    /** Whether there is an RSA certificate beside it, in the variables of `served.rsa`, for clients that know no ECDSA. */
    readonly hasRsa?: boolean;
    /** Whether later certificates are taken up while it runs: what stands in the files of `served` is served. */
    readonly hot?: boolean;
}

/** The first content of its file: the certificate that the task was started with. */
export function firstCertificate(certificate: ServedCertificate): string {
    return secretOf(fromVariables(certificate));
}

/** The certificate that ECS puts into the container's environment. */
function fromVariables({ variables }: ServedCertificate): Json {
    return {
        certificate_chain: { environment_variable: variables.chain },
        private_key: { environment_variable: variables.key },
    };
}

function fromFile({ file }: ServedCertificate): Json {
    const path_config_source = { path: file, watched_directory: { path: dirname(file) } };
    return { name: SEALED.secretName, sds_config: { resource_api_version: "V3", path_config_source } };
}

/** Of two, Envoy shows RSA to those clients alone that know no ECDSA. */
export function certificateSource({ selfSigned = false, hasRsa = false, hot = false }: CertificateOptions): Json {
    if (selfSigned) {
        const { chain, key } = selfSignedFiles;
        return { tls_certificates: [{ certificate_chain: { filename: chain }, private_key: { filename: key } }] };
    }
    const certificates = hasRsa ? [served.main, served.rsa] : [served.main];
    return hot
        ? { tls_certificate_sds_secret_configs: certificates.map(fromFile) }
        : { tls_certificates: certificates.map(fromVariables) };
}
