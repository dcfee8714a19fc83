// A shop's web tier, which everybody sees; its API, which the web tier alone calls by an internal load balancer; its stock, which API and worker
// call by Service Connect; and the worker, which nobody calls.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Cluster, Endpoint, LoadBalancedService, NatGateways, Network, PrivateService, Tls } from "taskgate";

const config = new pulumi.Config();
const domain = config.require("domain");
const hostedZoneId = config.require("hostedZoneId");
const httpsPort = config.requireNumber("httpsPort");
const ports = { httpsPort, httpPort: config.requireNumber("httpPort") };
const wayOut = config.require<"nat" | "endpoints">("wayOut", { allowedValues: ["nat", "endpoints"] });
const tags = { project: pulumi.getProject() };

// Layers of images come by the endpoint for S3, which is free; without a NAT gateway everything has to come by one.
const network = new Network("network", {
    ...(wayOut === "nat"
        ? { natGateways: NatGateways.Single, endpoints: [Endpoint.S3] }
        : { endpoints: [Endpoint.S3, Endpoint.EcrApi, Endpoint.EcrDkr, Endpoint.Logs] }),
    tags,
});
const cluster = new Cluster("cluster", {
    serviceConnectNamespace: `${pulumi.getProject()}-${pulumi.getStack()}`,
    tags,
});

const common = {
    build: { context: "app" },
    vpcId: network.vpcId,
    subnetIds: network.privateSubnetIds,
    clusterArn: cluster.clusterArn,
    tags,
};
const apiDomain = `api.${domain}`;

const web = new LoadBalancedService("web", {
    ...common,
    ...ports,
    environment: { NAME: "web", PORT: "8080", CALLS: JSON.stringify({ api: `https://${apiDomain}:${httpsPort}/` }) },
    healthCheckPath: "/health",
    loadBalancerSubnetIds: network.publicSubnetIds,
    domain: `www.${domain}`,
    hostedZoneId,
});

const stock = new PrivateService("stock", {
    ...common,
    environment: { NAME: "stock", PORT: "8080" },
    // Who is called by name is not asked by a load balancer whether it is well.
    healthCheck: { command: ["CMD", "node", "healthy.mjs"], interval: 10 },
    containerPort: 8080,
    serviceConnect: { name: "stock" },
});
// By way of the service: a task knows the names that were there before its own service was deployed.
const callsStock = stock.serviceName.apply(() => JSON.stringify({ stock: "http://stock:8080/" }));

const api = new LoadBalancedService("api", {
    ...common,
    ...ports,
    environment: { NAME: "api", PORT: "8080", VERSION: config.require("version"), CALLS: callsStock },
    healthCheckPath: "/health",
    // Encrypted up to the task, where Envoy passes requests on to the app over loopback.
    tls: Tls.EndToEnd,
    // Without a way out, images are in ECR alone.
    ...(wayOut === "nat"
        ? {}
        : { envoyImage: config.require("envoyImage"), helperImage: config.require("helperImage") }),
    internal: true,
    loadBalancerSubnetIds: network.privateSubnetIds,
    clientSecurityGroupIds: [web.securityGroupId],
    domain: apiDomain,
    hostedZoneId,
    certificateArn: validatedCertificate("api", apiDomain),
    serviceConnect: {},
});

const worker = new PrivateService("worker", {
    ...common,
    environment: { NAME: "worker", CALLS: callsStock },
    desiredCount: 1,
    serviceConnect: {},
});

// Here, and not in stock's allowedSecurityGroupIds: its callers come after it.
for (const [name, caller] of Object.entries({ api, worker })) {
    new aws.vpc.SecurityGroupIngressRule(`${name}-to-stock`, {
        securityGroupId: stock.securityGroupId,
        referencedSecurityGroupId: caller.securityGroupId,
        ipProtocol: "tcp",
        fromPort: 8080,
        toPort: 8080,
        tags,
    });
}

/** ARN of a certificate that is validated by a record in the public zone. */
function validatedCertificate(name: string, domainName: string): pulumi.Output<string> {
    const certificate = new aws.acm.Certificate(`${name}-certificate`, { domainName, validationMethod: "DNS", tags });
    const option = certificate.domainValidationOptions[0];
    const record = new aws.route53.Record(`${name}-validation`, {
        zoneId: hostedZoneId,
        name: option.resourceRecordName,
        type: option.resourceRecordType,
        records: [option.resourceRecordValue],
        ttl: 60,
    });
    return new aws.acm.CertificateValidation(`${name}-validated`, {
        certificateArn: certificate.arn,
        validationRecordFqdns: [record.fqdn],
    }).certificateArn;
}

export const url = web.url;
