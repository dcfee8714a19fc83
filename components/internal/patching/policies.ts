import { IMAGE_EVENT, TASK_EVENT } from "../../../handlers/patchingNames";
import { oneOrMore, putEvents, Statement } from "../policies";

/** What the statements are about. */
export interface PatchingArns {
    readonly cluster: string;
    /** Names of services; all of the cluster when empty. */
    readonly services: readonly string[];
    readonly bucket: string;
}

/** What looks at a cluster's tasks and their images, and replaces what is due. */
export function patchStatements({ cluster, services, bucket }: PatchingArns, stopsTasks: boolean): Statement[] {
    const [, partition, , region, account] = cluster.split(":");
    const of = (kind: string): string => cluster.replace(":cluster/", `:${kind}/`);
    const named = services.length === 0 ? ["*"] : services;
    const bus = `arn:${partition}:events:${region}:${account}:event-bus/default`;
    return [
        {
            Sid: "ListTasks",
            Effect: "Allow",
            Action: ["ecs:ListServices", "ecs:ListTasks"],
            Resource: "*", // ECS knows no resource of them but the cluster, by this condition
            Condition: { ArnEquals: { "ecs:cluster": cluster } },
        },
        { Sid: "ReadTasks", Effect: "Allow", Action: "ecs:DescribeTasks", Resource: `${of("task")}/*` },
        {
            Sid: "RedeployServices",
            Effect: "Allow",
            Action: ["ecs:DescribeServices", "ecs:UpdateService"],
            Resource: oneOrMore(named.map((service) => `${of("service")}/${service}`)),
        },
        ...(stopsTasks
            ? [{ Sid: "StopTasks", Effect: "Allow", Action: "ecs:StopTask", Resource: `${of("task")}/*` } as const]
            : []),
        {
            Sid: "ReadImages",
            Effect: "Allow",
            Action: ["ecr:DescribeImageScanFindings", "ecr:DescribeImages"],
            Resource: `arn:${partition}:ecr:${region}:${account}:repository/*`,
        },
        { Sid: "KeepState", Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: `${bucket}/*` },
        // Without it an object that is not there yet looks like one that may not be read.
        { Sid: "SeeState", Effect: "Allow", Action: "s3:ListBucket", Resource: bucket },
        putEvents("TellOfTasks", bus, TASK_EVENT),
        putEvents("TellOfImages", bus, IMAGE_EVENT),
    ];
}
