import { RETIREMENT } from "../patchingNames";
import type { Retirement } from "./baseline";

/** What of an event of AWS Health is needed (docs.aws.amazon.com/AmazonECS/latest/developerguide, task-maintenance). */
export interface HealthEvent {
    readonly id?: string;
    readonly source?: string;
    readonly time?: string;
    readonly resources?: readonly string[];
    readonly detail?: {
        readonly eventTypeCode?: string;
        /** As in HTTP: `Wed, 16 Aug 2023 23:18:51 GMT`. */
        readonly startTime?: string;
        readonly affectedEntities?: readonly { readonly entityValue?: string }[];
    };
}

/** The notice for tasks of this cluster; undefined when the event is none, or is about others. */
export function retirementOf(event: HealthEvent, clusterArn: string): Retirement | undefined {
    const { id = "", source, time = "", resources = [], detail = {} } = event;
    if (source !== RETIREMENT.source || detail.eventTypeCode !== RETIREMENT.eventTypeCode) {
        return undefined;
    }
    const cluster = clusterArn.split("/")[1];
    const affected = new Set([
        ...resources,
        ...(detail.affectedEntities ?? []).flatMap(({ entityValue }) => entityValue ?? []),
    ]);
    // Services are told as `cluster|service`, tasks that no service keeps by their ARNs.
    const services = [...affected].flatMap((each) => {
        const [itsCluster, service] = each.split("|");
        return itsCluster === cluster && service !== undefined ? [service] : [];
    });
    const tasks = `${clusterArn.replace(":cluster/", ":task/")}/`;
    const taskArns = [...affected].filter((each) => each.startsWith(tasks));
    const toldAt = Date.parse(time);
    const at = Date.parse(detail.startTime ?? "");
    return services.length + taskArns.length === 0
        ? undefined
        : { id, at: Number.isNaN(at) ? toldAt : at, toldAt, services, taskArns };
}
