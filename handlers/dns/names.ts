import type { RecordSet } from "../hostedZone";
import type { Row } from "./registry";

// How a task is called. Route 53 itself keeps names apart: a record is only ever made by CREATE, which it refuses where one stands.

/** What a name can be made of. */
export interface Named {
    readonly taskId: string;
    /** Family of its task definition. */
    readonly family?: string;
    /** Name of the ECS service that it belongs to. */
    readonly service?: string;
    readonly tags: ReadonlyMap<string, string>;
}

/** A task's id as ECS makes it. Only what looks like one is sent to ECS, or named: DescribeTasks refuses a whole request for one that does not. */
export const TASK_ID = /^[0-9a-f]{32}$/;

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** The name that a template gives a task, or why it gives none. */
export function nameOf(template: string, domain: string, task: Named): { name: string } | { reason: string } {
    const missing: string[] = [];
    const label = template
        .replace(/\{([^{}]*)\}/g, (_, placeholder: string) => {
            const value = valueFor(placeholder, task);
            if (value === undefined) {
                missing.push(placeholder);
            }
            return value ?? "";
        })
        .toLowerCase();
    if (missing.length > 0) {
        return { reason: `the task has no ${missing.join(" and no ")}, of which its name is made (${template})` };
    }
    return LABEL.test(label)
        ? { name: `${label}.${domain}.` }
        : {
              reason: `"${label}" is no DNS label: letters, digits and hyphens, 63 at most, no hyphen at either end (${template})`,
          };
}

/** Not `valueOf`: a serialised function would find the one that every object has. */
function valueFor(placeholder: string, task: Named): string | undefined {
    switch (placeholder) {
        case "taskId":
        case "family":
        case "service":
            return task[placeholder];
        default:
            return placeholder.startsWith("tag:") ? task.tags.get(placeholder.slice(4)) : undefined;
    }
}

/** The record sets that a row stands for. */
export function recordsOf({ name, ttl, ipv4, ipv6 }: Pick<Row, "name" | "ttl" | "ipv4" | "ipv6">): RecordSet[] {
    const record = (type: "A" | "AAAA", address: string | undefined): RecordSet[] =>
        name !== undefined && ttl !== undefined && address !== undefined
            ? [{ name, type, ttl, values: [address] }]
            : [];
    return [...record("A", ipv4), ...record("AAAA", ipv6)];
}
