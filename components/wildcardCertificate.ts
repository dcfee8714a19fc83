import { createHash } from "node:crypto";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { SEALED_OBJECTS } from "../handlers/certificateNames";
import { NAMESPACE, renewCertificate } from "../handlers/renewCertificate";
import { alarm } from "./internal/alarm";
import { acmeDirectory, email, integer, logRetentionDays, named, tags, topicArn } from "./internal/arguments";
import { renewalStatements } from "./internal/certificate/policies";
import { acmImport } from "./internal/functions/acmImport";
import type { Curve, Plot } from "./internal/dashboard";
import { callbackFunction } from "./internal/functions/callback";
import { scheduled } from "./internal/functions/schedule";
import { zoneHolding } from "./internal/hostedZone";
import { outputsOf } from "./internal/outputs";
import {
    acmDomainReason,
    acmeDirectoryUrl,
    acmeProfileReason,
    arnKinds,
    arnReason,
    externalAccountReason,
    mostLabelsReason,
    nameReason,
    parameterNameReason,
    regionReason,
    rootCertificatesReason,
    secretReferenceReason,
    trustedDirectoryReason,
} from "./internal/rules";
import { tlsBucket } from "./internal/tlsBucket";
import {
    ArgumentRules,
    choice,
    Combination,
    faultOf,
    flag,
    given,
    judged,
    list,
    plain,
    record,
    required,
    Rules,
    text,
    together,
} from "./internal/validation";

/** Kinds of certificate keys that Let's Encrypt signs. P-521 is not among them. */
export const KeyType = {
    /** ECDSA with P-256: small and fast, understood by every client of the last ten years. */
    P256: "P-256",
    /** ECDSA with P-384. */
    P384: "P-384",
    /** RSA with 2048 bits, for very old clients. */
    Rsa2048: "RSA-2048",
    /** RSA with 3072 bits. */
    Rsa3072: "RSA-3072",
    /** RSA with 4096 bits. */
    Rsa4096: "RSA-4096",
} as const;
export type KeyType = (typeof KeyType)[keyof typeof KeyType];

/** Those that clients understand which know no ECDSA. */
export const RsaKeyType = {
    /** 2048 bits. */
    Rsa2048: "RSA-2048",
    /** 3072 bits. */
    Rsa3072: "RSA-3072",
    /** 4096 bits. */
    Rsa4096: "RSA-4096",
} as const;
export type RsaKeyType = (typeof RsaKeyType)[keyof typeof RsaKeyType];

/** A schedule's name has 64 characters, of which its own ending, Pulumi and what the certificate is made from take 25; the import's role is longer. */
export function longestCertificateName(importToAcm = false): number {
    return importToAcm ? 35 : 39;
}

/** A customer's account at an authority that wants to know its customers first: ACME's external account binding (RFC 8555, section 7.3.4). */
export interface AcmeExternalAccount {
    /** Id of the key that the authority gave the customer. */
    readonly keyId: pulumi.Input<string>;
    /** ARN of the secret in Secrets Manager, or of the SecureString in SSM, that holds that HMAC key alone, in base64url. */
    readonly keyArn: pulumi.Input<string>;
}

/** Where challenges are answered instead. */
export interface ChallengeDelegation {
    /** The name that the CNAME record leads to. */
    readonly recordName: pulumi.Input<string>;
    /** Id of the public Route 53 hosted zone that holds it. */
    readonly hostedZoneId: pulumi.Input<string>;
    /**
     * ARN of a role that may change that zone, when it is another account's; its trust policy names the function's role.
     * @default none: the function itself may
     */
    readonly roleArn?: pulumi.Input<string>;
}

/** What may be said about a certificate, whoever makes it. */
export interface CertificateArgs {
    /**
     * The certificate authority: `letsencrypt`, `letsencrypt-staging`, or the https URL of another ACME directory (RFC 8555).
     * By creating the component you agree to its terms of service.
     * @default "letsencrypt"
     */
    readonly acmeDirectory?: pulumi.Input<string>;
    /**
     * PEM of the root that the HTTPS certificate of the directory itself chains to, for an authority of your own (step-ca, Boulder, EJBCA): no other is
     * trusted then. At most 2,048 bytes. What it issues is not judged by it.
     * @default the public roots that Node.js knows
     */
    readonly acmeRootCertificates?: pulumi.Input<string>;
    /**
     * Contact that the certificate authority may write to about the account.
     * @default none
     */
    readonly acmeEmail?: pulumi.Input<string>;
    /**
     * What kind of certificate the authority is asked for, by its own name: at Let's Encrypt `classic`, `tlsserver` or `shortlived`
     * (160 hours).
     * @default "classic" where the authority offers that, else its own choice
     */
    readonly acmeProfile?: pulumi.Input<string>;
    /**
     * Whether a certificate of another profile is worse than none. Otherwise one is taken as the authority makes it, once it does not offer the profile any more.
     * @default false
     */
    readonly acmeProfileRequired?: pulumi.Input<boolean>;
    /**
     * Common name of the root that the chain should lead to, where the authority offers several chains.
     * @default the authority's own choice
     */
    readonly acmePreferredChain?: pulumi.Input<string>;
    /**
     * The customer's account that an authority such as ZeroSSL, Google or AWS's own ACME endpoint wants to know first.
     * @default none
     */
    readonly acmeExternalAccount?: pulumi.Input<AcmeExternalAccount>;
    /**
     * Where a CNAME record at `_acme-challenge.<domain>` leads to, for a zone that this function should not write.
     * @default challenges are answered in `hostedZoneId`
     */
    readonly challengeDelegation?: pulumi.Input<ChallengeDelegation>;
    /**
     * ARN of a KMS key of your own, under which the certificate's secret, the account's key, an order under way and the public history are kept. Its
     * own policy has to let the account's IAM policies decide. Whether it is given decides how the bucket is encrypted.
     * @default AWS's own key of each service
     */
    readonly kmsKeyArn?: pulumi.Input<string>;
    /**
     * Whether the certificate is for the domain itself too.
     * @default false
     */
    readonly includeApex?: pulumi.Input<boolean>;
    /**
     * Kind of the certificate's key.
     * @default "P-256"
     */
    readonly keyType?: pulumi.Input<KeyType>;
    /**
     * E-mail address told of each renewal, failure and alarm; AWS asks it once to confirm. Whether it is given decides if there is a subscription.
     * @default none
     */
    readonly notificationEmail?: pulumi.Input<string>;
    /**
     * Whether the certificate is in ACM too, for load balancers, under one ARN through all renewals. A deployment then waits for the first
     * certificate.
     * @default false
     */
    readonly importToAcm?: boolean;
    /**
     * Whether a destroy revokes the certificate (RFC 5280's `cessationOfOperation`). Authorities want that of a key that may be known to others; of any
     * other it is of no use.
     * @default false
     */
    readonly revokeOnDestroy?: pulumi.Input<boolean>;
    /**
     * Regions in which it is in ACM besides the stack's own, with `importToAcm`: `us-east-1` for CloudFront, others for load balancers there. One
     * that is taken off the list loses its certificate.
     * @default none
     */
    readonly acmRegions?: pulumi.Input<pulumi.Input<string>[]>;
}

/** Arguments of {@link WildcardCertificate}. */
export interface WildcardCertificateArgs extends CertificateArgs {
    /** The certificate is for every name one label below this domain: `*.<domain>`. */
    readonly domain: pulumi.Input<string>;
    /** Id of the public Route 53 hosted zone that holds the domain. */
    readonly hostedZoneId: pulumi.Input<string>;
    /**
     * Whether tasks can take up each certificate while they run (EnvoyTask's rotation `hot`): a copy is published to everybody, its key encrypted
     * under a password that only the secret holds.
     * @default false
     */
    readonly sealedCopy?: boolean;
    /**
     * Port on which tasks below the domain show the certificate to everybody, `<taskId>.<domain>`: each hour twenty of them are looked at from outside, and
     * an alarm tells of those that show an old one. With `sealedCopy` that is any but the newest, else one with less than a fifth of its lifetime.
     * Whether it is given decides if there is an alarm.
     * @default nobody looks
     */
    readonly watchedPort?: pulumi.Input<number>;
    /**
     * Name of the SSM parameter with the ACME account's key, such as another WildcardCertificate's `accountKeyParameterName`: both are one customer to the
     * authority, which checks their common names once.
     * @default one of its own
     */
    readonly accountKeyParameterName?: pulumi.Input<string>;
    /**
     * ARN of a topic that hears of renewals, failures and alarms, such as another WildcardCertificate's `topicArn`. Whether it is given decides if a topic is made.
     * @default one of its own
     */
    readonly alertTopicArn?: pulumi.Input<string>;
    /**
     * How long the renewal's log is kept, in days.
     * @default 30
     */
    readonly logRetentionDays?: pulumi.Input<number>;
    /**
     * Tags of everything that can have tags.
     * @default none
     */
    readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/**
 * A wildcard certificate from an ACME certificate authority, issued right after the deployment and renewed in time by a Lambda function. The
 * chain and its key are a JSON secret in Secrets Manager (`certificateChain`, `privateKey`); the public history is in a bucket. The key never
 * passes through Pulumi. The ACME account's key is an SSM SecureString that the function makes on its first run and that outlives the stack.
 */
export class WildcardCertificate extends pulumi.ComponentResource {
    /** ARN of the secret with the certificate and its key. It has no value until the first certificate is issued. */
    public readonly secretArn: pulumi.Output<string>;
    /** ARN of the certificate in ACM; empty without `importToAcm`. */
    public readonly certificateArn: pulumi.Output<string>;
    /** ARNs of the certificate in ACM in `acmRegions`, by region. */
    public readonly certificateArns: pulumi.Output<Record<string, string>>;
    /** Where everybody finds the certificate with its key encrypted; empty without `sealedCopy`. */
    public readonly sealedCopyUrl: pulumi.Output<string>;
    /** Name of the bucket with the public part of each certificate. */
    public readonly bucketName: pulumi.Output<string>;
    /** Name of the Lambda function that renews; invoke it to renew at once when it is due, or with `{"force": true}` in any case. */
    public readonly functionName: pulumi.Output<string>;
    /** ARN of the topic that hears of renewals, failures and alarms. */
    public readonly topicArn: pulumi.Output<string>;
    /** Name of the SSM parameter with the ACME account's key. */
    public readonly accountKeyParameterName: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: WildcardCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("WildcardCertificate", name, args, certificateArguments);
        super("taskgate:index:WildcardCertificate", name, args, opts);
        const { domain, keyType = KeyType.P256, includeApex = false, tags } = args;
        const { acmeDirectory = "letsencrypt", acmeEmail = "", logRetentionDays = 30 } = args;
        const options = { parent: this };
        const hostedZoneId = zoneHolding(`WildcardCertificate "${name}"`, args, this);

        const bucket = historyBucket(name, args.kmsKeyArn, tags, this);
        const sealed = args.sealedCopy === true ? sealedBucket(name, tags, this) : undefined;
        const secret = new aws.secretsmanager.Secret(
            `${name}-secret`,
            {
                description: pulumi.interpolate`TLS certificate and key of *.${domain}; without a value until the first certificate is issued`,
                recoveryWindowInDays: 7,
                kmsKeyId: args.kmsKeyArn,
                tags,
            },
            options,
        );
        const topic = alertTopic(name, args, this);

        const { accountId } = aws.getCallerIdentityOutput({}, options);
        const { partition } = aws.getPartitionOutput({}, options);
        const { region } = aws.getRegionOutput({}, options);
        const accountKeyParameterName = pulumi.output(
            args.accountKeyParameterName ?? pulumi.interpolate`/taskgate/${secret.name}/acme-account-key`,
        );
        const names = pulumi.all([domain, includeApex]).apply(([base, apex]) => [`*.${base}`, ...(apex ? [base] : [])]);
        const directoryUrl = pulumi.output(acmeDirectory).apply(acmeDirectoryUrl);
        const orderParameterName = pulumi.interpolate`/taskgate/${secret.name}/acme-order`;
        const parameterArn = (parameter: pulumi.Output<string>) =>
            pulumi.interpolate`arn:${partition}:ssm:${region}:${accountId}:parameter${parameter}`;
        const externalAccount = pulumi.output(args.acmeExternalAccount);
        const delegation = pulumi.output(args.challengeDelegation);

        const renewal = callbackFunction(
            `${name}-renewal`,
            {
                handler: renewCertificate,
                description: "Issues and renews the wildcard certificate when it is due",
                statements: pulumi
                    .output({
                        recordName: pulumi
                            .all([domain, delegation])
                            .apply(([base, to]) => normalized(to?.recordName ?? `_acme-challenge.${base}`)),
                        zone: pulumi
                            .all([partition, hostedZoneId, delegation])
                            .apply(([of, id, to]) => `arn:${of}:route53:::hostedzone/${to?.hostedZoneId ?? id}`),
                        names:
                            args.watchedPort === undefined || args.challengeDelegation === undefined
                                ? undefined
                                : pulumi.interpolate`arn:${partition}:route53:::hostedzone/${hostedZoneId}`,
                        role: delegation.apply((to) => to?.roleArn),
                        kmsKey: args.kmsKeyArn,
                        region,
                        externalKey: externalAccount.apply((account) => account?.keyArn),
                        change: pulumi.interpolate`arn:${partition}:route53:::change/*`,
                        accountKey: parameterArn(accountKeyParameterName),
                        order: parameterArn(orderParameterName),
                        bucket: bucket.arn,
                        sealed: sealed?.arn,
                        secret: secret.arn,
                        topic: topic.topicArn,
                        eventBus: pulumi.interpolate`arn:${partition}:events:${region}:${accountId}:event-bus/default`,
                    })
                    .apply(renewalStatements),
                environment: {
                    ACME_DIRECTORY_URL: directoryUrl,
                    ACME_EMAIL: acmeEmail,
                    ...textsOf({
                        KMS_KEY_ARN: args.kmsKeyArn,
                        ACME_ROOT_CERTIFICATES: args.acmeRootCertificates,
                        ACME_PROFILE: args.acmeProfile,
                        ACME_PROFILE_REQUIRED:
                            args.acmeProfileRequired && pulumi.output(args.acmeProfileRequired).apply(String),
                        WATCHED_PORT:
                            args.watchedPort === undefined ? undefined : pulumi.output(args.watchedPort).apply(String),
                        REVOKE_ON_DESTROY: args.revokeOnDestroy && pulumi.output(args.revokeOnDestroy).apply(String),
                        ACME_PREFERRED_CHAIN: args.acmePreferredChain,
                        ACME_EAB_KEY_ID: args.acmeExternalAccount && externalAccount.apply((it) => it?.keyId ?? ""),
                        ACME_EAB_KEY_REFERENCE:
                            args.acmeExternalAccount && externalAccount.apply((it) => it?.keyArn ?? ""),
                        CHALLENGE_RECORD_NAME:
                            args.challengeDelegation && delegation.apply((it) => it?.recordName ?? ""),
                        CHALLENGE_HOSTED_ZONE_ID:
                            args.challengeDelegation && delegation.apply((it) => it?.hostedZoneId ?? ""),
                        CHALLENGE_ROLE_ARN: args.challengeDelegation && delegation.apply((it) => it?.roleArn ?? ""),
                    }),
                    CERTIFICATE_NAMES: pulumi.jsonStringify(names),
                    KEY_TYPE: keyType,
                    HOSTED_ZONE_ID: hostedZoneId,
                    ACCOUNT_KEY_PARAMETER: accountKeyParameterName,
                    ORDER_PARAMETER: orderParameterName,
                    BUCKET_NAME: bucket.bucket,
                    SECRET_ARN: secret.arn,
                    ...(sealed && { SEALED_BUCKET_NAME: sealed.bucket }),
                    TOPIC_ARN: topic.topicArn,
                },
                packages: ["acme-client"],
                timeout: 600, // an order with two challenges takes some 30 s; a slow certificate authority some minutes
                memory: 512,
                logRetentionDays,
                tags,
            },
            this,
        );
        const failures = alarm(
            `${name}-renewal-errors`,
            {
                description:
                    "The certificate could not be renewed. The alert before this one, and the function's log, say why and what to do.",
                namespace: NAMESPACE,
                metricName: "Failing",
                dimensions: { FunctionName: renewal.name },
                statistic: "Maximum",
                threshold: 0,
                // Runs are an hour apart and a bit more: one that failed counts until the next has been heard.
                hourly: { hours: 1, ofHours: 2 },
                topicArn: topic.topicArn,
                tags,
            },
            this,
        );
        const expiry = alarm(
            `${name}-expiry`,
            {
                description:
                    "The certificate has less than a fifth of its lifetime left, or nothing was heard of it for three hours: is the schedule enabled, " +
                    "may the function run? Its log says what it did last; docs/certificates.md says what to do.",
                namespace: NAMESPACE,
                metricName: "LifetimeLeft",
                dimensions: { FunctionName: renewal.name },
                statistic: "Minimum",
                threshold: 20,
                hourly: { hours: 3, ofHours: 3, below: true },
                topicArn: topic.topicArn,
                tags,
            },
            this,
        );
        if (args.watchedPort !== undefined) {
            alarm(
                `${name}-stale`,
                {
                    description:
                        "Tasks show a certificate that they should not show any more; the function's log names them. Replace them, or see why they do " +
                        "not take it up: docs/certificates.md says where to look.",
                    namespace: NAMESPACE,
                    metricName: "StaleTasks",
                    dimensions: { FunctionName: renewal.name },
                    statistic: "Maximum",
                    threshold: 0,
                    // A task may be looked at just before it takes it up.
                    hourly: { hours: 2, ofHours: 3 },
                    topicArn: topic.topicArn,
                    tags,
                },
                this,
            );
        }
        // The first run issues the first certificate; what the certificate is made from names the schedule, so a change of that is issued at once too.
        const madeFrom = pulumi
            .all([names, keyType, directoryUrl, args.acmeProfile, sealed && "sealed"])
            .apply((parts) => parts.filter((part) => part !== undefined))
            .apply((parts) => createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 8));
        // Its end waits for a run under way and takes its challenge records away: after the schedule has gone, before what it needs does.
        const cleanUp = new aws.lambda.Invocation(
            `${name}-clean-up`,
            { functionName: renewal.name, input: "{}", lifecycleScope: "CRUD" },
            { ...options, dependsOn: [bucket, secret] },
        );
        const schedule = scheduled(
            name,
            {
                invoked: renewal,
                rate: "1 hour",
                description: "Renews the certificate when it is due",
                scheduleName: pulumi.interpolate`${renewal.name}-${madeFrom}`,
                tags,
            },
            this,
            [bucket, secret, ...topic.made, failures, expiry, cleanUp],
        );

        this.secretArn = secret.arn;
        const none: Record<string, string> = {};
        const inAcm =
            args.importToAcm === true
                ? acmImport(
                      `${name}-import`,
                      {
                          secretArn: secret.arn,
                          secretName: secret.name,
                          kmsKeyArn: args.kmsKeyArn,
                          madeFrom: schedule.name,
                          regions: args.acmRegions,
                          topicArn: topic.topicArn,
                          logRetentionDays,
                          tags,
                      },
                      this,
                      [schedule],
                  )
                : pulumi.output({ certificateArn: "", elsewhere: none });
        this.certificateArn = inAcm.certificateArn;
        this.certificateArns = inAcm.elsewhere;
        this.sealedCopyUrl = sealed
            ? pulumi.interpolate`https://${sealed.bucketRegionalDomainName}/${SEALED_OBJECTS.envoy}`
            : pulumi.output("");
        this.bucketName = bucket.bucket;
        this.functionName = renewal.name;
        this.topicArn = topic.topicArn;
        this.accountKeyParameterName = accountKeyParameterName;
        this.registerOutputs(outputsOf(this));
    }
}

/** The rule of each. */
export const certificateRules: Rules<CertificateArgs> = {
    acmeDirectory,
    acmeRootCertificates: text(rootCertificatesReason),
    acmeEmail: email,
    acmeProfile: text(),
    acmeProfileRequired: flag,
    acmePreferredChain: text(),
    acmeExternalAccount: record<AcmeExternalAccount>({
        keyId: required(text(), "give the id of the key"),
        keyArn: required(text(secretReferenceReason), "give the ARN of the secret that holds the key"),
    }),
    challengeDelegation: record<ChallengeDelegation>({
        recordName: required(text(), "give the name that the CNAME record leads to"),
        hostedZoneId: required(named.hostedZoneId, "give the id of the zone that holds it"),
        roleArn: text(),
    }),
    kmsKeyArn: text((value) => arnReason(value, arnKinds.key)),
    includeApex: flag,
    keyType: choice(KeyType),
    notificationEmail: email,
    importToAcm: plain(flag),
    revokeOnDestroy: flag,
    acmRegions: list(text(regionReason), { unique: true }),
};

type Named = CertificateArgs & Pick<WildcardCertificateArgs, "domain">;

/** What is to be said about several of them together, and the domain. */
export const certificateCombinations: readonly Combination<Named>[] = [
    together<Named, "domain" | "acmeDirectory">(
        ["domain", "acmeDirectory"],
        ({ domain, acmeDirectory: directory = "letsencrypt" }) =>
            faultOf("domain", mostLabelsReason(`*.${domain}`, directory)),
    ),
    together<Named, "acmeDirectory" | "acmeRootCertificates">(
        ["acmeDirectory", "acmeRootCertificates"],
        ({ acmeDirectory: directory = "letsencrypt", acmeRootCertificates: roots }) =>
            faultOf("acmeRootCertificates", trustedDirectoryReason(directory, roots !== undefined)),
    ),
    together<Named, "acmeProfile" | "acmeDirectory">(
        ["acmeProfile", "acmeDirectory"],
        ({ acmeProfile, acmeDirectory: directory = "letsencrypt" }) =>
            faultOf("acmeProfile", acmeProfile === undefined ? undefined : acmeProfileReason(acmeProfile, directory)),
    ),
    together<Named, "acmeDirectory" | "acmeExternalAccount">(
        ["acmeDirectory", "acmeExternalAccount"],
        ({ acmeDirectory: directory = "letsencrypt", acmeExternalAccount }) =>
            faultOf("acmeExternalAccount", externalAccountReason(directory, acmeExternalAccount !== undefined)),
    ),
    given<Named>(["importToAcm"], ({ importToAcm, acmRegions }) =>
        acmRegions !== undefined && importToAcm !== true
            ? [{ propertyPath: "acmRegions", reason: "nothing is in ACM without importToAcm: give that too" }]
            : [],
    ),
    together<Named, "domain" | "importToAcm">(["domain", "importToAcm"], ({ domain, importToAcm }) =>
        faultOf("domain", importToAcm === true ? acmDomainReason(`*.${domain}`) : undefined),
    ),
];

/** Those arguments, without the rest of whoever hands them on. */
export function certificateArgs(args: CertificateArgs): CertificateArgs {
    const keys = Object.keys(certificateRules) as (keyof CertificateArgs)[];
    return Object.fromEntries(keys.map((key) => [key, args[key]]));
}

/** What is judged before anything is made. */
const certificateArguments: ArgumentRules<WildcardCertificateArgs> = {
    name: (name, { importToAcm }) => nameReason(name, longestCertificateName(importToAcm)),
    rules: {
        ...certificateRules,
        domain: named.domain(1),
        hostedZoneId: named.hostedZoneId,
        sealedCopy: plain(flag),
        watchedPort: integer(1, 65_535),
        accountKeyParameterName: text(parameterNameReason),
        alertTopicArn: topicArn,
        logRetentionDays,
        tags,
    },
    combinations: [
        ...certificateCombinations,
        given<WildcardCertificateArgs>([], ({ alertTopicArn, notificationEmail }) =>
            faultOf(
                "notificationEmail",
                alertTopicArn !== undefined && notificationEmail !== undefined
                    ? "subscribes to a topic that is made: leave it out, and subscribe to alertTopicArn"
                    : undefined,
            ),
        ),
    ],
};

/** Those that are given. */
function textsOf(
    values: Record<string, pulumi.Input<string> | false | undefined>,
): Record<string, pulumi.Input<string>> {
    const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== false);
    return Object.fromEntries(given) as Record<string, pulumi.Input<string>>;
}

/** A record's name as conditions of IAM compare it (docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html). */
function normalized(recordName: string): string {
    return recordName.toLowerCase().replace(/\.$/, "");
}

/** The topic that was given, or one of our own. */
function alertTopic(
    name: string,
    { alertTopicArn, notificationEmail, tags }: WildcardCertificateArgs,
    parent: pulumi.Resource,
): { readonly topicArn: pulumi.Output<string>; readonly made: readonly pulumi.Resource[] } {
    if (alertTopicArn !== undefined) {
        return { topicArn: pulumi.output(alertTopicArn), made: [] };
    }
    const topic = new aws.sns.Topic(`${name}-alerts`, { displayName: "taskgate certificate", tags }, { parent });
    if (notificationEmail !== undefined) {
        new aws.sns.TopicSubscription(
            `${name}-alerts-email`,
            { topic: topic.arn, protocol: "email", endpoint: notificationEmail },
            { parent },
        );
    }
    return { topicArn: topic.arn, made: [topic] };
}

type Tags = WildcardCertificateArgs["tags"];

/** Where tasks find the certificate, without credentials. It may take a new one at any time, and the old one is of no use to anybody. */
function sealedBucket(name: string, tags: Tags, parent: pulumi.Resource): aws.s3.Bucket {
    return tlsBucket(`${name}-sealed`, Object.values(SEALED_OBJECTS), undefined, tags, parent); // who has no credentials cannot use a key
}

/** The bucket of public certificates, with all its versions. */
function historyBucket(
    name: string,
    kmsKeyArn: pulumi.Input<string> | undefined,
    tags: Tags,
    parent: pulumi.Resource,
): aws.s3.Bucket {
    const options = { parent };
    const bucket = tlsBucket(`${name}-history`, [], kmsKeyArn, tags, parent);
    const setting = { bucket: bucket.bucket };
    new aws.s3.BucketVersioning(
        `${name}-history-versioning`,
        { ...setting, versioningConfiguration: { status: "Enabled" } },
        options,
    );
    new aws.s3.BucketLifecycleConfiguration(
        `${name}-history-lifecycle`,
        {
            ...setting,
            rules: [
                {
                    id: "old-versions",
                    status: "Enabled",
                    filter: {},
                    noncurrentVersionExpiration: { noncurrentDays: 365 },
                    abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
                },
            ],
        },
        options,
    );
    return bucket;
}

/** How long the certificate still lasts, and how its renewals go. */
export function certificatePlots(renewalFunctionName: string): Plot[] {
    const dimensions = { FunctionName: renewalFunctionName };
    const ours = (metric: string, stat: string): Curve => ({ namespace: NAMESPACE, metric, dimensions, stat });
    const ofLambda = (metric: string, stat: string): Curve => ({ namespace: "AWS/Lambda", metric, dimensions, stat });
    return [
        {
            title: "Certificate: lifetime left (%), and whether renewals fail",
            curves: [ours("LifetimeLeft", "Minimum"), ours("Failing", "Maximum")],
        },
        {
            title: "Runs of the renewal, its errors and its time (ms)",
            curves: [ofLambda("Invocations", "Sum"), ofLambda("Errors", "Sum"), ofLambda("Duration", "Maximum")],
        },
    ];
}
