// The certificates of tasks that show some from secrets: one beside the first, and how later ones reach them.
import * as pulumi from "@pulumi/pulumi";

import { secretArn } from "../arguments";
import { httpsReason } from "../rules";
import { choice, Fault, faultOf, plain, Rules, text } from "../validation";

/** How a later certificate reaches tasks. */
export const Rotation = {
    /** A service's tasks are replaced, a few at a time. A task that was started on demand keeps the certificate that it was started with. */
    Redeploy: "redeploy",
    /** Each task takes it up while it runs, within a minute: nothing is restarted, and no connection is cut. */
    Hot: "hot",
} as const;
export type Rotation = (typeof Rotation)[keyof typeof Rotation];

/** What may be said about it, whoever makes the tasks. */
export interface RotationArgs {
    /**
     * How a later certificate reaches the tasks.
     * @default "redeploy"
     */
    readonly rotation?: Rotation;
    /**
     * Where tasks with the rotation `hot` find later certificates: WildcardCertificate's `sealedCopyUrl`.
     * @default none
     */
    readonly sealedCertificateUrl?: pulumi.Input<string>;
}

/** The same of tasks that may show an RSA certificate besides. */
export interface RotationsArgs extends RotationArgs {
    /**
     * ARN of the secret of another certificate for the same names, with an RSA key, such as a second WildcardCertificate's: Envoy shows it to clients that
     * know no ECDSA. Whether it is given decides what tasks are made of.
     * @default all clients see the same
     */
    readonly rsaCertificateSecretArn?: pulumi.Input<string>;
    /**
     * Where they find later ones of `rsaCertificateSecretArn`: that WildcardCertificate's `sealedCopyUrl`.
     * @default none
     */
    readonly rsaSealedCertificateUrl?: pulumi.Input<string>;
}

/** The rule of each. */
export const rotationRules: Rules<RotationsArgs> = {
    rsaCertificateSecretArn: secretArn,
    rotation: plain(choice(Rotation)),
    sealedCertificateUrl: text(httpsReason),
    rsaSealedCertificateUrl: text(httpsReason),
};

/** What goes with what. */
export function rotationFaults({ rotation, sealedCertificateUrl, ...rsa }: RotationsArgs): Fault[] {
    const isHot = rotation === Rotation.Hot;
    const reason = isHot
        ? `is missing: tasks with the rotation "hot" need to know where later certificates are, e.g. WildcardCertificate's sealedCopyUrl`
        : `goes with the rotation "hot": leave it out, or give that`;
    const hasRsa = rsa.rsaCertificateSecretArn !== undefined;
    const rsaReason =
        isHot && hasRsa
            ? `is missing: tasks with the rotation "hot" look for later ones of rsaCertificateSecretArn too`
            : `goes with rsaCertificateSecretArn and the rotation "hot": leave it out, or give both`;
    const isRsaWhole = (isHot && hasRsa) === (rsa.rsaSealedCertificateUrl !== undefined);
    return [
        ...faultOf("sealedCertificateUrl", isHot === (sealedCertificateUrl !== undefined) ? undefined : reason),
        ...faultOf("rsaSealedCertificateUrl", isRsaWhole ? undefined : rsaReason),
    ];
}
