import { expect } from "chai";

import { Cluster, ContainerInsights } from "../../components";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";

describe("Cluster", () => {
    keepsHouseRules((options) => new Cluster("it", { tags }, options));

    it("makes a cluster with both of Fargate's capacity providers", async () => {
        const made = await recordOne((options) => new Cluster("it", { tags }, options));
        expect(made.childrenOf("it")).to.deep.equal([
            "it aws:ecs/cluster:Cluster",
            "it-capacity-providers aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        ]);
        expect(made.find("it").inputs).to.deep.equal({
            settings: [{ name: "containerInsights", value: "disabled" }],
            tags,
        });
        expect(made.find("it-capacity-providers").inputs).to.deep.equal({
            clusterName: "it",
            capacityProviders: ["FARGATE", "FARGATE_SPOT"],
            defaultCapacityProviderStrategies: [{ capacityProvider: "FARGATE", weight: 1 }],
        });
        expect(made.component("it").outputs).to.deep.equal({
            clusterArn: "arn:aws:ecs:eu-west-1:111122223333:cluster/it",
            clusterName: "it",
        });
    });

    it("collects what it is told to", async () => {
        const containerInsights = ContainerInsights.Enhanced;
        const made = await recordOne((options) => new Cluster("it", { containerInsights }, options));
        expect(made.find("it").inputs).to.deep.equal({ settings: [{ name: "containerInsights", value: "enhanced" }] });
    });

    it("makes a namespace in which services find each other, and takes it for theirs", async () => {
        const args = { serviceConnectNamespace: "shop", tags };
        const made = await recordOne((options) => new Cluster("it", args, options));
        expect(made.find("it-namespace").inputs).to.deep.equal({
            ...{ name: "shop", description: "Services that find each other", tags },
        });
        expect(made.find("it").inputs).to.deep.equal({
            settings: [{ name: "containerInsights", value: "disabled" }],
            serviceConnectDefaults: {
                namespace: "arn:aws:servicediscovery:eu-west-1:111122223333:namespace/ns-it-namespace",
            },
            tags,
        });
    });

    it("refuses a namespace that is no name", async () => {
        const args = { serviceConnectNamespace: "My Shop" };
        expect(await refusalOf((options) => new Cluster("it", args, options))).to.deep.equal({
            serviceConnectNamespace:
                '"My Shop" is no name of a namespace: use up to 254 lower-case letters, digits, dots and hyphens, e.g. shop',
        });
    });

    it("refuses another word", async () => {
        const containerInsights = "on" as ContainerInsights;
        expect(await refusalOf((options) => new Cluster("it", { containerInsights }, options))).to.deep.equal({
            containerInsights: '"on" is not one of disabled, enabled, enhanced',
        });
    });
});
