// What a service is in Amazon ECS Service Connect, and what ECS is told of it.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { integer, port } from "../arguments";
import { arnKinds, arnReason, discoveryNameReason } from "../rules";
import { choice, Fault, faultOf, plain, record, Rule, text } from "../validation";

/** What is spoken at a port of Service Connect. */
export const ServiceConnectProtocol = {
    /** HTTP/1.1: requests are spread over tasks, and tried again. */
    Http: "http",
    /** HTTP/2 without TLS. */
    Http2: "http2",
    /** gRPC without TLS. */
    Grpc: "grpc",
    /** Anything: connections are spread. */
    Tcp: "tcp",
} as const;
export type ServiceConnectProtocol = (typeof ServiceConnectProtocol)[keyof typeof ServiceConnectProtocol];

/**
 * A service in ECS Service Connect: ECS puts a proxy of its own into each task, by which it calls the other services of the namespace, and with `name`
 * is called. AWS advises 256 CPU units and 64 MiB for the proxy, beyond what the app needs. Between tasks nothing is encrypted.
 */
export interface ServiceConnect {
    /**
     * ARN of the Cloud Map namespace in which services find each other.
     * @default the cluster's own, such as that of Cluster's `serviceConnectNamespace`
     */
    readonly namespaceArn?: pulumi.Input<string>;
    /**
     * Name by which the other services of the namespace call this one, as in `http://orders:8080/`. Tasks of theirs that started before it was there
     * do not know it until they are replaced.
     * @default none: it calls others, and nobody calls it
     */
    readonly name?: string;
    /**
     * Port at which they call it; goes with `name`.
     * @default `containerPort`
     */
    readonly port?: pulumi.Input<number>;
    /**
     * What is spoken there; goes with `name`.
     * @default "http"
     */
    readonly protocol?: ServiceConnectProtocol;
    /**
     * Seconds for a whole request, 0 for as long as it takes; goes with `name`, not with `tcp`.
     * @default 15, which is AWS's
     */
    readonly requestTimeout?: pulumi.Input<number>;
}

export const serviceConnectRule: Rule = plain(
    record<ServiceConnect>({
        namespaceArn: text((value) => arnReason(value, arnKinds.namespace)),
        name: plain(text(discoveryNameReason)),
        port,
        protocol: plain(choice(ServiceConnectProtocol)),
        requestTimeout: integer(0, 2_147_483, "seconds"),
    }),
);

/** What goes with a name, or with a protocol that knows requests. */
export function serviceConnectFaults(args: ServiceConnect | undefined): Fault[] {
    if (args === undefined) {
        return [];
    }
    const ofServed = (["port", "protocol", "requestTimeout"] as const).filter((key) => args[key] !== undefined);
    if (args.name === undefined) {
        return ofServed.flatMap((key) =>
            faultOf(`serviceConnect.${key}`, "goes with serviceConnect.name: without it nobody calls the service"),
        );
    }
    return faultOf(
        "serviceConnect.requestTimeout",
        args.protocol === ServiceConnectProtocol.Tcp && args.requestTimeout !== undefined
            ? "tcp knows no requests: leave it out, or give another protocol"
            : undefined,
    );
}

/** How the task definition names the port; undefined: nobody calls it. */
export function namedPortOf({ name, protocol = ServiceConnectProtocol.Http }: ServiceConnect = {}):
    { readonly name: string; readonly appProtocol?: string } | undefined {
    return name === undefined
        ? undefined
        : { name, ...(protocol === ServiceConnectProtocol.Tcp ? {} : { appProtocol: protocol }) };
}

/** What the ECS service is told. */
export function serviceConnectConfiguration(
    { namespaceArn, name, port: called, requestTimeout }: ServiceConnect,
    task: { readonly containerPort: pulumi.Input<number>; readonly logGroupName: pulumi.Input<string> },
    parent: pulumi.Resource,
): aws.types.input.ecs.ServiceServiceConnectConfiguration {
    const { region } = aws.getRegionOutput({}, { parent });
    return {
        enabled: true,
        namespace: namespaceArn,
        logConfiguration: {
            logDriver: "awslogs",
            options: {
                "awslogs-group": task.logGroupName,
                "awslogs-region": region,
                "awslogs-stream-prefix": "service-connect",
            },
        },
        services:
            name === undefined
                ? undefined
                : [
                      {
                          portName: name,
                          discoveryName: name,
                          clientAlias: [{ dnsName: name, port: called ?? task.containerPort }],
                          timeout:
                              requestTimeout === undefined ? undefined : { perRequestTimeoutSeconds: requestTimeout },
                      },
                  ],
    };
}
