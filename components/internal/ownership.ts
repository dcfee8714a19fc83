// Statements of policies by which something is one's own: made with one's tags, tagged then and never again, changed and ended by whoever's it is.
import type { Statement } from "./policies";

/** Values of tags, by their keys. */
export type Tags = Readonly<Record<string, string>>;

/** Tags as a condition has them: those that a request brings, or those that something has already. */
export function tagsOf(kind: "RequestTag" | "ResourceTag", tags: Tags): Tags {
    return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:${kind}/${key}`, value]));
}

/** That a request brings tags of these keys, whatever their values. */
export function brings(keys: readonly string[]): Tags {
    return Object.fromEntries(keys.map((key) => [`aws:RequestTag/${key}`, "false"]));
}

/** Done to what has the tags, and to nothing else. */
export function ofOwner(
    Sid: string,
    Action: Statement["Action"],
    Resource: Statement["Resource"],
    tags: Tags,
): Statement {
    return { Sid, Effect: "Allow", Action, Resource, Condition: { StringEquals: tagsOf("ResourceTag", tags) } };
}

/** Tagged while it is made, as the service tells by a condition key of its own: never again, so that nobody takes what is another's. */
export function taggedAtCreation(
    Sid: string,
    Action: string,
    Resource: Statement["Resource"],
    createdBy: Readonly<Record<string, string | readonly string[]>>,
    tags: Tags,
): Statement {
    return {
        ...{ Sid, Effect: "Allow", Action, Resource },
        Condition: { StringEquals: { ...createdBy, ...tagsOf("RequestTag", tags) } },
    };
}

/** Tasks are given these roles, and no other service is. */
export function givesTasksRoles(roleArns: readonly string[]): Statement {
    return {
        Sid: "GiveTasksTheirRoles",
        Effect: "Allow",
        Action: "iam:PassRole",
        Resource: [...new Set(roleArns)].sort(),
        Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    };
}
