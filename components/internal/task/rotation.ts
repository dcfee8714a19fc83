// How a later certificate reaches tasks that show one from a secret.
import * as pulumi from "@pulumi/pulumi";

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

/** The rule of each. */
export const rotationRules: Rules<RotationArgs> = {
    rotation: plain(choice(Rotation)),
    sealedCertificateUrl: text(httpsReason),
};

/** The one goes with the other. */
export function rotationFaults({ rotation, sealedCertificateUrl }: RotationArgs): Fault[] {
    const isHot = rotation === Rotation.Hot;
    const reason = isHot
        ? `is missing: tasks with the rotation "hot" need to know where later certificates are, e.g. WildcardCertificate's sealedCopyUrl`
        : `goes with the rotation "hot": leave it out, or give that`;
    return faultOf("sealedCertificateUrl", isHot === (sealedCertificateUrl !== undefined) ? undefined : reason);
}
