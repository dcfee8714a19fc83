// What a load balancer's security policies mean, as far as their names tell: docs.aws.amazon.com/elasticloadbalancing/latest/application/
// describe-ssl-policies.md. BoringSSL has no SecP256r1MLKEM768 yet: of the post-quantum groups X25519MLKEM768 is offered.
import { AwsError } from "../gateway/overlay";

export interface TlsParameters {
    readonly tls_minimum_protocol_version: string;
    readonly tls_maximum_protocol_version: string;
    readonly cipher_suites: readonly string[];
    readonly ecdh_curves: readonly string[];
}

/** The default of the API, though not of the console. */
export const defaultSslPolicy = "ELBSecurityPolicy-2016-08";

const gcm = ["128-GCM-SHA256", "256-GCM-SHA384"].flatMap((suite) => [
    `ECDHE-ECDSA-AES${suite}`,
    `ECDHE-RSA-AES${suite}`,
]);
const withoutForwardSecrecy = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA"];
const cbc = ["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA"];

/** @throws SSLPolicyNotFound for a name that follows none of AWS's patterns */
export function tlsParameters(policy: string): TlsParameters {
    const match =
        /^ELBSecurityPolicy-TLS13-1-(?<least>[0-3])(?:-(?<kind>Res|Ext1|Ext2))?(?:-FIPS)?(?<pq>-PQ)?(?:-FIPS)?-20\d\d-\d\d$/.exec(
            policy,
        );
    if (!match?.groups) {
        if (policy === defaultSslPolicy) {
            return parameters("0", "2", [...gcm, ...cbc, ...withoutForwardSecrecy], false);
        }
        throw new AwsError("SSLPolicyNotFound", `SSL policy '${policy}' not found`);
    }
    const { least, kind, pq } = match.groups;
    const isOld = Number(least) < 2;
    const suites =
        {
            Res: gcm,
            Ext1: [...gcm, ...withoutForwardSecrecy],
            Ext2: [...gcm, ...cbc, ...withoutForwardSecrecy],
        }[kind] ?? (isOld ? [...gcm, ...cbc, ...withoutForwardSecrecy] : [...gcm, ...cbc]);
    return parameters(least, "3", least === "3" ? [] : suites, pq !== undefined);
}

function parameters(least: string, most: string, cipher_suites: readonly string[], isPostQuantum: boolean) {
    return {
        tls_minimum_protocol_version: `TLSv1_${least}`,
        tls_maximum_protocol_version: `TLSv1_${most}`,
        cipher_suites,
        ecdh_curves: [...(isPostQuantum ? ["X25519MLKEM768"] : []), "X25519", "P-256", "P-384"],
    };
}
