// Shows how clients of a load-balanced service are served.
import * as pulumi from "@pulumi/pulumi";

import { type Curve, type Plot, servicePlot } from "../dashboard";
import type { WatchedService } from "./serviceAlarms";

export function servicePlots(
    { type, loadBalancer, targetGroup }: WatchedService,
    clusterName: pulumi.Input<string>,
    serviceName: pulumi.Input<string>,
): pulumi.Output<Plot[]> {
    return pulumi
        .all([loadBalancer, targetGroup, clusterName, serviceName])
        .apply(([LoadBalancer, TargetGroup, cluster, service]) => {
            const isApplication = type === "application";
            const namespace = isApplication ? "AWS/ApplicationELB" : "AWS/NetworkELB";
            const curve = (metric: string, stat: string): Curve => ({
                ...{ namespace, metric, stat },
                dimensions: { LoadBalancer, TargetGroup },
            });
            const ofFront = (metric: string, stat: string): Curve => ({
                ...{ namespace, metric, stat },
                dimensions: { LoadBalancer },
            });
            const traffic: Plot[] = isApplication
                ? [
                      {
                          title: "Requests, and those answered 4xx and 5xx by the tasks",
                          curves: ["RequestCount", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count"].map(
                              (metric) => curve(metric, "Sum"),
                          ),
                      },
                      {
                          title: "Time to the answer (s)",
                          curves: ["p50", "p90", "p99"].map((stat) => curve("TargetResponseTime", stat)),
                      },
                      {
                          title: "Answered by the load balancer itself, and tasks not reached",
                          curves: [
                              ofFront("HTTPCode_ELB_5XX_Count", "Sum"),
                              curve("TargetConnectionErrorCount", "Sum"),
                          ],
                      },
                  ]
                : [
                      {
                          title: "Connections, new and open",
                          curves: [ofFront("NewFlowCount", "Sum"), ofFront("ActiveFlowCount", "Average")],
                      },
                      {
                          title: "Connections reset by clients, tasks and the load balancer",
                          curves: ["TCP_Client_Reset_Count", "TCP_Target_Reset_Count", "TCP_ELB_Reset_Count"].map(
                              (metric) => ofFront(metric, "Sum"),
                          ),
                      },
                  ];
            return [
                ...traffic,
                {
                    title: "Tasks that get requests, and those that do not",
                    curves: [curve("HealthyHostCount", "Minimum"), curve("UnHealthyHostCount", "Maximum")],
                },
                servicePlot(cluster, service),
            ];
        });
}
