import { NAME_EVENT } from "../../../handlers/taskDnsNames";
import { putEvents, Statement } from "../policies";

export interface TaskDnsArns {
    readonly domain: string;
    readonly nameTemplate: string;
    readonly zone: string;
    /** The role that may change the zone instead, where that is another account's; empty otherwise. */
    readonly zoneRole: string;
    readonly cluster: string;
    readonly table: string;
    readonly queue: string;
    readonly deadLetters: string;
    /** Where word is left of accepted names; empty where they are not announced. */
    readonly accepted: string;
}

/** What the function that writes the records may do. */
export function syncStatements(arns: TaskDnsArns): Statement[] {
    return [
        takeMessages("TakeTaskStateChanges", arns.queue),
        { Sid: "PutAside", Effect: "Allow", Action: "sqs:SendMessage", Resource: arns.deadLetters },
        ...(arns.accepted === ""
            ? []
            : [{ Sid: "LeaveWord", Effect: "Allow" as const, Action: "sqs:SendMessage", Resource: arns.accepted }]),
        ...settleStatements(arns),
    ];
}

/** What the function that compares, audits and drains may do. */
export function sweepStatements(arns: TaskDnsArns, stopsTasks: boolean): Statement[] {
    return [
        { Sid: "AskToLook", Effect: "Allow", Action: "sqs:SendMessage", Resource: arns.queue },
        // ListTasks knows no resource but a container instance.
        {
            Sid: "ListTasks",
            Effect: "Allow",
            Action: "ecs:ListTasks",
            Resource: "*",
            Condition: { ArnEquals: { "ecs:cluster": arns.cluster } },
        },
        { Sid: "ListRows", Effect: "Allow", Action: "dynamodb:Query", Resource: `${arns.table}/index/open` },
        ...settleStatements(arns),
        ...(stopsTasks
            ? [{ Sid: "StopTasks", Effect: "Allow" as const, Action: "ecs:StopTask", Resource: tasksOf(arns.cluster) }]
            : []),
    ];
}

/** What the function that announces names may do. */
export function announceStatements(
    arns: Pick<TaskDnsArns, "accepted" | "table" | "zoneRole"> & { readonly bus: string; readonly change: string },
): Statement[] {
    return [
        takeMessages("TakeWord", arns.accepted),
        { Sid: "ReadRegistry", Effect: "Allow", Action: "dynamodb:BatchGetItem", Resource: arns.table },
        arns.zoneRole === ""
            ? { Sid: "ReadChanges", Effect: "Allow", Action: "route53:GetChange", Resource: arns.change }
            : { Sid: "ReachZone", Effect: "Allow", Action: "sts:AssumeRole", Resource: arns.zoneRole },
        putEvents("Announce", arns.bus, NAME_EVENT),
    ];
}

/** What a function that works off a queue needs of it. */
function takeMessages(Sid: string, queue: string): Statement {
    return {
        Sid,
        Effect: "Allow",
        Action: ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        Resource: queue,
    };
}

function settleStatements(arns: TaskDnsArns): Statement[] {
    return [
        {
            Sid: "KeepRegistry",
            Effect: "Allow",
            Action: ["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:PutItem"],
            Resource: arns.table,
        },
        { Sid: "ReadTasks", Effect: "Allow", Action: "ecs:DescribeTasks", Resource: tasksOf(arns.cluster) },
        // EC2 knows no resource for it.
        { Sid: "ReadAddresses", Effect: "Allow", Action: "ec2:DescribeNetworkInterfaces", Resource: "*" },
        ...(arns.zoneRole === ""
            ? zoneStatements(arns)
            : [{ Sid: "ReachZone", Effect: "Allow" as const, Action: "sts:AssumeRole", Resource: arns.zoneRole }]),
    ];
}

/** Address records of the zone that look like ours, never overwritten; also what the role of another account needs. */
export function zoneStatements({
    zone,
    domain,
    nameTemplate,
}: Pick<TaskDnsArns, "zone" | "domain" | "nameTemplate">): Statement[] {
    return [
        {
            Sid: "WriteRecords",
            Effect: "Allow",
            Action: "route53:ChangeResourceRecordSets",
            Resource: zone,
            Condition: {
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                        `${labelPattern(nameTemplate)}.${domain}`,
                    ],
                },
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                },
                // ForAllValues holds for a request without the key, too.
                Null: { "route53:ChangeResourceRecordSetsNormalizedRecordNames": "false" },
            },
        },
        { Sid: "ReadRecords", Effect: "Allow", Action: "route53:ListResourceRecordSets", Resource: zone },
    ];
}

/** What IAM can say of a name's form: of a task's id its 32 characters, of anything else nothing. */
function labelPattern(nameTemplate: string): string {
    return nameTemplate.replaceAll("{taskId}", "?".repeat(32)).replace(/\{[^{}]*\}/g, "*");
}

function tasksOf(clusterArn: string): string {
    return `${clusterArn.replace(":cluster/", ":task/")}/*`;
}
