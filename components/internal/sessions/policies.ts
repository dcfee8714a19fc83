import { END_EVENT, fenceTag, keyTag, ownerTag, TENANT_PATH, tenantTag } from "../../../handlers/sessionNames";
import { brings, givesTasksRoles, ofOwner, taggedAtCreation, Tags, tagsOf } from "../ownership";
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
    const own = { [ownerTag]: owner };
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
        ofOwner("StopOwnTasks", "ecs:StopTask", tasksOf(cluster), own),
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
    const own = { [ownerTag]: arns.owner, [tenantTag]: `\${aws:PrincipalTag/${tenantTag}}` };
    return [
        ...startStatements(arns, own, [keyTag]),
        ofOwner("StopOwnTasks", "ecs:StopTask", tasksOf(arns.cluster), own),
        ofOwner("ReadTasks", "ecs:DescribeTasks", tasksOf(arns.cluster), own),
    ];
}

/** Start tasks with all of these tags, and no others; tag them then, and never again. */
function startStatements(
    { cluster, taskDefinition, roles, tagKeys }: SessionArns,
    own: Tags,
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
                StringEquals: tagsOf("RequestTag", own),
                Null: brings(needed),
                "ForAllValues:StringEquals": { "aws:TagKeys": [...ofSession, ...tagKeys].sort() },
            },
        },
        taggedAtCreation(
            "TagTasksAtCreation",
            "ecs:TagResource",
            tasksOf(cluster),
            { "ecs:CreateAction": "RunTask" },
            own,
        ),
        givesTasksRoles(roles),
    ];
}

function tasksOf(cluster: string): string {
    return `${cluster.replace(":cluster/", ":task/")}/*`;
}
