import { EVENT_SOURCE, SEALED_OBJECTS } from "../../../handlers/certificateNames";
import { Statement } from "../policies";

/** What the statements are about. */
export interface RenewalArns {
    readonly recordName: string;
    readonly zone: string;
    readonly role: string | undefined;
    /** The zone of the tasks' names, when that is another one. */
    readonly names: string | undefined;
    readonly externalKey: string | undefined;
    readonly kmsKey: string | undefined;
    readonly region: string;
    readonly change: string;
    readonly accountKey: string;
    readonly order: string;
    readonly bucket: string;
    readonly sealed: string | undefined;
    readonly secret: string;
    readonly topic: string;
    readonly eventBus: string;
}

/** What the function that renews the certificate may do. */
export function renewalStatements(arns: RenewalArns): Statement[] {
    return [
        ...(arns.role === undefined ? answerChallenges(arns) : assumeRole(arns.role)),
        {
            Sid: "KeepAccountKey",
            Effect: "Allow",
            Action: ["ssm:GetParameter", "ssm:PutParameter"],
            Resource: arns.accountKey,
        },
        {
            Sid: "KeepOrder",
            Effect: "Allow",
            Action: ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            Resource: arns.order,
        },
        { Sid: "KeepHistory", Effect: "Allow", Action: "s3:PutObject", Resource: `${arns.bucket}/*` },
        { Sid: "ReadState", Effect: "Allow", Action: "s3:GetObject", Resource: `${arns.bucket}/state.json` },
        // Without it a state that is not there yet looks like one that may not be read.
        { Sid: "SeeState", Effect: "Allow", Action: "s3:ListBucket", Resource: arns.bucket },
        {
            Sid: "DeliverCertificate",
            Effect: "Allow",
            Action: ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
            Resource: arns.secret,
        },
        ...(arns.sealed === undefined
            ? []
            : [
                  {
                      Sid: "PublishForTasks",
                      Effect: "Allow",
                      Action: "s3:PutObject",
                      Resource: Object.values(SEALED_OBJECTS).map((object) => `${arns.sealed}/${object}`),
                  } as const,
              ]),
        ...(arns.names === undefined
            ? []
            : [
                  {
                      Sid: "SeeNames",
                      Effect: "Allow",
                      Action: "route53:ListResourceRecordSets",
                      Resource: arns.names,
                  } as const,
              ]),
        ...(arns.externalKey === undefined ? [] : readExternalKey(arns.externalKey)),
        ...(arns.kmsKey === undefined ? [] : [useKey(arns.kmsKey, arns.region)]),
        { Sid: "Alert", Effect: "Allow", Action: "sns:Publish", Resource: arns.topic },
        {
            Sid: "TellEventBus",
            Effect: "Allow",
            Action: "events:PutEvents",
            Resource: arns.eventBus,
            Condition: { "ForAllValues:StringEquals": { "events:source": [EVENT_SOURCE] } },
        },
    ];
}

/** By the services that keep what is encrypted under it, and for nothing else. */
function useKey(arn: string, region: string): Statement {
    const keepers = ["s3", "secretsmanager", "ssm"].map((service) => `${service}.${region}.amazonaws.com*`);
    return {
        Sid: "UseKey",
        Effect: "Allow",
        // SSM encrypts a parameter itself, the others by a key of its own for each thing.
        Action: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
        Resource: arn,
        Condition: { StringLike: { "kms:ViaService": keepers } },
    };
}

function readExternalKey(arn: string): Statement[] {
    const Action = arn.includes(":secretsmanager:") ? "secretsmanager:GetSecretValue" : "ssm:GetParameter";
    return [{ Sid: "ReadExternalAccount", Effect: "Allow", Action, Resource: arn }];
}

/** What the role may do is for the zone's owner to say. */
function assumeRole(arn: string): Statement[] {
    return [{ Sid: "AnswerChallenges", Effect: "Allow", Action: "sts:AssumeRole", Resource: arn }];
}

function answerChallenges(arns: RenewalArns): Statement[] {
    return [
        {
            Sid: "AnswerChallenges",
            Effect: "Allow",
            Action: "route53:ChangeResourceRecordSets",
            Resource: arns.zone,
            Condition: {
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": [arns.recordName],
                    "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                },
                // ForAllValues holds for a request without the key, too.
                Null: { "route53:ChangeResourceRecordSetsNormalizedRecordNames": "false" },
            },
        },
        { Sid: "ReadChallenges", Effect: "Allow", Action: "route53:ListResourceRecordSets", Resource: arns.zone },
        { Sid: "AwaitChallenges", Effect: "Allow", Action: "route53:GetChange", Resource: arns.change },
    ];
}
