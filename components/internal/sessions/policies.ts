import { END_EVENT, fenceTag, keyTag, ownerTag, TENANT_PATH, tenantTag } from "../../../handlers/sessionNames";
import { putEvents, Statement } from "../policies";

/** What the statements are about. */
export interface SessionArns {
    /** The tag by which all tasks of these sessions are told. */
    readonly owner: string;
    readonly table: string;
    readonly namesTable: string;
    /** On which it is told that a session's time is nearly over. */
    readonly bus: string;
    readonly cluster: string;
    readonly taskDefinition: string;
    /** Of the app and of ECS: what a task is given. */
    readonly roles: readonly string[];
    /** Keys of the tags that every task gets beside those of its session. */
    readonly tagKeys: readonly string[];
}

/** What opens, looks at and closes sessions. */
export function sessionStatements(arns: SessionArns): Statement[] {
    const { owner, table, namesTable, cluster } = arns;
    const own = { [`aws:RequestTag/${ownerTag}`]: owner };
    return [
        {
            Sid: "ReadAndWriteSessions",
            Effect: "Allow",
            Action: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            Resource: table,
        },
        { Sid: "ListSessions", Effect: "Allow", Action: "dynamodb:Query", Resource: `${table}/index/*` },
        { Sid: "ReadNames", Effect: "Allow", Action: "dynamodb:GetItem", Resource: namesTable },
        ...startStatements(arns, own, [keyTag, tenantTag, fenceTag]),
        {
            Sid: "StopOwnTasks",
            Effect: "Allow",
            Action: "ecs:StopTask",
            Resource: tasksOf(cluster),
            Condition: { StringEquals: { [`aws:ResourceTag/${ownerTag}`]: owner } },
        },
        { Sid: "ReadTasks", Effect: "Allow", Action: "ecs:DescribeTasks", Resource: tasksOf(cluster) },
    ];
}

/** Beside those: what compares all sessions with all tasks, and tells of ends where there are any. */
export function reconcileStatements({ cluster, bus }: SessionArns, tellsOfEnds: boolean): Statement[] {
    return [
        {
            Sid: "ListTasks",
            Effect: "Allow",
            Action: "ecs:ListTasks",
            Resource: "*", // ECS knows no resource of it but the cluster, by this condition
            Condition: { ArnEquals: { "ecs:cluster": cluster } },
        },
        ...(tellsOfEnds ? [putEvents("TellOfEnds", bus, END_EVENT)] : []),
    ];
}

/** What whoever calls needs to use the API for its tenant and no other. */
export function callStatements(executionArn: string): Statement[] {
    const own = TENANT_PATH.replace("{tenant}", `\${aws:PrincipalTag/${tenantTag}}`);
    return [
        {
            Sid: "CallForOwnTenant",
            Effect: "Allow",
            Action: "execute-api:Invoke",
            // Each method by its name: an asterisk there would take in slashes, and so the paths of others.
            Resource: ["DELETE", "GET", "PATCH", "PUT"].map((method) => `${executionArn}/$default/${method}${own}/*`),
        },
    ];
}

/**
 * What a back end of one's own needs to start and stop the tasks of its tenant and no others: the tenant is the tag of whoever calls
 * (`aws:PrincipalTag`), which a role has or a session of it brings along.
 */
export function tenantStatements(arns: SessionArns): Statement[] {
    const tenant = `\${aws:PrincipalTag/${tenantTag}}`;
    const whose = (kind: "RequestTag" | "ResourceTag") => ({
        [`aws:${kind}/${ownerTag}`]: arns.owner,
        [`aws:${kind}/${tenantTag}`]: tenant,
    });
    return [
        ...startStatements(arns, whose("RequestTag"), [keyTag]),
        {
            Sid: "StopOwnTasks",
            Effect: "Allow",
            Action: "ecs:StopTask",
            Resource: tasksOf(arns.cluster),
            Condition: { StringEquals: whose("ResourceTag") },
        },
        {
            Sid: "ReadTasks",
            Effect: "Allow",
            Action: "ecs:DescribeTasks",
            Resource: tasksOf(arns.cluster),
            Condition: { StringEquals: whose("ResourceTag") },
        },
    ];
}

/** Start tasks with all of these tags, and no others; tag them then, and never again. */
function startStatements(
    { cluster, taskDefinition, roles, tagKeys }: SessionArns,
    whose: Readonly<Record<string, string>>,
    needed: readonly string[],
): Statement[] {
    const ofSession = [ownerTag, keyTag, tenantTag, fenceTag];
    return [
        {
            Sid: "StartTaggedTasks",
            Effect: "Allow",
            Action: "ecs:RunTask",
            Resource: taskDefinition,
            Condition: {
                ArnEquals: { "ecs:cluster": cluster },
                StringEquals: whose,
                Null: Object.fromEntries(needed.map((key) => [`aws:RequestTag/${key}`, "false"])),
                "ForAllValues:StringEquals": { "aws:TagKeys": [...ofSession, ...tagKeys].sort() },
            },
        },
        {
            Sid: "TagTasksAtCreation",
            Effect: "Allow",
            Action: "ecs:TagResource",
            Resource: tasksOf(cluster),
            Condition: { StringEquals: { "ecs:CreateAction": "RunTask", ...whose } },
        },
        {
            Sid: "GiveTasksTheirRoles",
            Effect: "Allow",
            Action: "iam:PassRole",
            Resource: [...new Set(roles)].sort(),
            Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
        },
    ];
}

function tasksOf(cluster: string): string {
    return `${cluster.replace(":cluster/", ":task/")}/*`;
}
