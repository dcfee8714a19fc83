import { type DataSources, onlyOne } from "../resources/dataSources";

export const elbDataSources: DataSources = {
    "aws:lb/getLoadBalancer:getLoadBalancer": async (aws, { arn, name }) => {
        const { LoadBalancers = [] } = await aws.elb.describeLoadBalancers(
            typeof arn === "string" ? { LoadBalancerArns: [arn] } : { Names: [String(name)] },
        );
        const balancer = onlyOne("ELBv2 Load Balancer", LoadBalancers);
        return {
            id: balancer.LoadBalancerArn,
            arn: balancer.LoadBalancerArn,
            arnSuffix: balancer.LoadBalancerArn?.split(":loadbalancer/")[1],
            name: balancer.LoadBalancerName,
            dnsName: balancer.DNSName,
            zoneId: balancer.CanonicalHostedZoneId,
            internal: balancer.Scheme === "internal",
            loadBalancerType: balancer.Type,
            securityGroups: balancer.SecurityGroups ?? [],
            subnets: (balancer.AvailabilityZones ?? []).map(({ SubnetId }) => SubnetId),
            vpcId: balancer.VpcId,
        };
    },
};
