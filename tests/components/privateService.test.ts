import { expect } from "chai";

import { CapacityProvider, PrivateService, PrivateServiceArgs } from "../../components";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { Recording } from "../support/mocks";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/web";
const common = {
    image: "docker.io/traefik/whoami:v1.11.0",
    vpcId: "vpc-1",
    subnetIds: ["subnet-1", "subnet-2"],
    clusterArn,
};
const served: PrivateServiceArgs = {
    ...common,
    containerPort: 8080,
    allowedSecurityGroupIds: ["sg-web", "sg-worker"],
    serviceConnect: { name: "orders" },
};

const made = (args: PrivateServiceArgs): Promise<Recording<PrivateService>> =>
    recordOne((options) => new PrivateService("it", args, options));

const anywhere = ["sg-it-security-group all to 0.0.0.0/0", "sg-it-security-group all to ::/0"];

const portsOf = (recording: Recording<unknown>): unknown =>
    (recording.find("it-task").inputs.containerDefinitions as { readonly portMappings: unknown }[])[0].portMappings;

describe("PrivateService", () => {
    keepsHouseRules(
        (options) =>
            new PrivateService(
                "it",
                { ...served, autoscaling: { minTasks: 1, maxTasks: 4, cpuPercent: 60 }, tags },
                options,
            ),
    );

    it("is a worker that nobody can connect to", async () => {
        const worker = await made({ ...common, serviceConnect: {} });
        expect(portsOf(worker)).to.deep.equal([]);
        expect(worker.securityGroupRules()).to.deep.equal(anywhere);
        expect(worker.find("it-service").inputs).to.deep.equal({
            cluster: clusterArn,
            taskDefinition: "arn:aws:ecs:eu-west-1:111122223333:task-definition/it-task:1",
            desiredCount: 2,
            launchType: "FARGATE",
            networkConfiguration: {
                subnets: ["subnet-1", "subnet-2"],
                securityGroups: ["sg-it-security-group"],
                assignPublicIp: false,
            },
            serviceConnectConfiguration: {
                enabled: true,
                logConfiguration: {
                    logDriver: "awslogs",
                    options: {
                        "awslogs-group": "it-task-logs",
                        "awslogs-region": "eu-west-1",
                        "awslogs-stream-prefix": "service-connect",
                    },
                },
            },
            deploymentMinimumHealthyPercent: 100,
            deploymentMaximumPercent: 200,
            deploymentCircuitBreaker: { enable: true, rollback: true },
            availabilityZoneRebalancing: "ENABLED",
            propagateTags: "SERVICE",
        });
        expect(worker.resources.filter(({ type }) => type.startsWith("aws:lb/"))).to.deep.equal([]);
    });

    it("is called by name, by members of the groups that are named, and by nobody else", async () => {
        const api = await made(served);
        expect(portsOf(api)).to.deep.equal([
            { containerPort: 8080, hostPort: 8080, protocol: "tcp", name: "orders", appProtocol: "http" },
        ]);
        expect(api.securityGroupRules()).to.have.members([
            ...anywhere,
            "sg-it-security-group 8080 from sg-web",
            "sg-it-security-group 8080 from sg-worker",
        ]);
        expect(api.find("it-service").inputs.serviceConnectConfiguration).to.have.deep.property("services", [
            { portName: "orders", discoveryName: "orders", clientAlias: [{ dnsName: "orders", port: 8080 }] },
        ]);
    });

    it("runs on Spot, and leaves the number of tasks to autoscaling", async () => {
        const scaled = await made({
            ...common,
            capacityProvider: CapacityProvider.FargateSpot,
            autoscaling: { minTasks: 1, maxTasks: 4, cpuPercent: 60 },
        });
        expect(scaled.find("it-service").inputs).to.deep.include({
            desiredCount: 1,
            capacityProviderStrategies: [{ capacityProvider: "FARGATE_SPOT", weight: 1 }],
        });
        expect(scaled.find("it-scaling").inputs).to.deep.equal({
            serviceNamespace: "ecs",
            scalableDimension: "ecs:service:DesiredCount",
            resourceId: "service/web/it-service",
            minCapacity: 1,
            maxCapacity: 4,
        });
        expect(scaled.find("it-scaling-by-cpu").inputs.targetTrackingScalingPolicyConfiguration).to.deep.equal({
            targetValue: 60,
            predefinedMetricSpecification: { predefinedMetricType: "ECSServiceAverageCPUUtilization" },
        });
    });

    it("refuses to be called without a port, and what a load balancer would count", async () => {
        const refused = (args: PrivateServiceArgs): Promise<Record<string, string>> =>
            refusalOf((options) => new PrivateService("it", args, options));
        const { allowedSecurityGroupIds, serviceConnect } = served;
        expect(await refused({ ...common, allowedSecurityGroupIds, serviceConnect })).to.deep.equal({
            containerPort: "is missing: give the port on which the app serves those who call it by serviceConnect.name",
            allowedSecurityGroupIds: "goes with containerPort: give the port to which they connect",
        });
        const autoscaling = { minTasks: 1, maxTasks: 2, requestsPerTarget: 100 };
        expect(await refused({ ...common, autoscaling, desiredCount: 1 })).to.deep.equal({
            "autoscaling.requestsPerTarget":
                "is counted by a load balancer, and there is none: follow cpuPercent or memoryPercent",
            desiredCount: "autoscaling decides it: give autoscaling.minTasks",
        });
        expect(await refused({ ...common, serviceConnect: { port: 80 } })).to.deep.equal({
            "serviceConnect.port": "goes with serviceConnect.name: without it nobody calls the service",
        });
        expect(await refusalOf((options) => new PrivateService("i".repeat(37), common, options))).to.have.all.keys(
            "name",
        );
    });
});
