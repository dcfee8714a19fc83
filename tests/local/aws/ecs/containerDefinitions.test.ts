import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { expect } from "chai";
import fc from "fast-check";

import { areEquivalent, asStored } from "../../../../local/aws/ecs/containerDefinitions";

const app: ContainerDefinition = { name: "app", image: "app:1" };

/** Whether a container that was sent is the same to the provider once ECS has stored it. */
function staysAsSent(sent: ContainerDefinition): boolean {
    return areEquivalent(JSON.stringify([asStored(sent)]), JSON.stringify([sent]), true);
}

describe("container definitions", () => {
    it("are stored with ECS's defaults, and with empty lists for those that were left out", () => {
        expect(
            asStored({
                ...app,
                portMappings: [{ containerPort: 80 }],
                healthCheck: { command: ["CMD", "true"], startPeriod: 0 },
                linuxParameters: { initProcessEnabled: true, capabilities: { drop: ["ALL"] } },
            }),
        ).to.deep.equal({
            ...app,
            cpu: 0,
            essential: true,
            environment: [],
            mountPoints: [],
            volumesFrom: [],
            systemControls: [],
            portMappings: [{ containerPort: 80, hostPort: 80, protocol: "tcp" }],
            healthCheck: { command: ["CMD", "true"], interval: 30, timeout: 5, retries: 3 },
            linuxParameters: { initProcessEnabled: true, capabilities: { add: [], drop: ["ALL"] } },
        });
    });

    it("that say nothing but what they must are the same once stored", () => {
        expect(staysAsSent(app)).to.equal(true);
        expect(staysAsSent({ ...app, portMappings: [{ containerPort: 80 }] })).to.equal(true);
        expect(staysAsSent({ ...app, healthCheck: { command: ["CMD", "true"] } })).to.equal(true);
        expect(staysAsSent({ ...app, healthCheck: { command: ["CMD", "true"], startPeriod: 5 } })).to.equal(true);
        expect(staysAsSent({ ...app, command: [], entryPoint: [], environment: [], secrets: [], cpu: 0 })).to.equal(
            true,
        );
    });

    it("are another once stored where ECS writes what was left out, or leaves out what was written", () => {
        const drop = ["ALL"];
        expect(staysAsSent({ ...app, linuxParameters: { capabilities: { drop } } })).to.equal(false);
        expect(staysAsSent({ ...app, linuxParameters: { capabilities: { add: [], drop } } })).to.equal(true);
        expect(staysAsSent({ ...app, healthCheck: { command: ["CMD", "true"], startPeriod: 0 } })).to.equal(false);
    });

    it("are the same in any order of names, and another with any other value", () => {
        const texts = (...containers: ContainerDefinition[]) => JSON.stringify(containers);
        const environment = [
            { name: "A", value: "1" },
            { name: "B", value: "2" },
        ];
        const one = texts({ ...app, environment }, { name: "envoy", image: "envoy" });
        const other = texts({ name: "envoy", image: "envoy" }, { ...app, environment: environment.toReversed() });
        expect(areEquivalent(one, other, true)).to.equal(true);
        expect(areEquivalent(one, texts({ ...app, environment }), true)).to.equal(false);
        expect(areEquivalent(texts({ ...app, command: ["a", "b"] }), texts({ ...app, command: ["b", "a"] }), true)).to.equal(false); // prettier-ignore
        expect(areEquivalent(texts(app), texts({ ...app, image: "app:2" }), true)).to.equal(false);
        expect(areEquivalent(texts(app), texts({ ...app, essential: false }), true)).to.equal(false);
        expect(areEquivalent(texts(app), texts({ ...app, cpu: 1 }), true)).to.equal(false);
        const ports = (mapping: object) => texts({ ...app, portMappings: [{ containerPort: 80, ...mapping }] });
        expect(areEquivalent(ports({}), ports({ hostPort: 80, protocol: "tcp" }), true)).to.equal(true);
        expect(areEquivalent(ports({}), ports({ hostPort: 80 }), false)).to.equal(false);
        expect(areEquivalent(ports({}), ports({ protocol: "udp" }), true)).to.equal(false);
    });

    it("once stored are stored no other way again", () => {
        const text = fc.string({ minLength: 1 });
        const container = fc.record<ContainerDefinition>(
            {
                name: text,
                image: text,
                cpu: fc.nat(),
                essential: fc.boolean(),
                command: fc.array(text),
                environment: fc.array(fc.record({ name: text, value: text })),
                portMappings: fc.array(fc.record({ containerPort: fc.nat() })),
                healthCheck: fc.record(
                    { command: fc.array(text), startPeriod: fc.nat() },
                    { requiredKeys: ["command"] },
                ),
                linuxParameters: fc.record({ capabilities: fc.record({ drop: fc.array(text) }) }),
            },
            { requiredKeys: ["name", "image"] },
        );
        fc.assert(
            fc.property(container, (sent) => {
                const stored = asStored(sent);
                expect(asStored(stored)).to.deep.equal(stored);
                expect(areEquivalent(JSON.stringify([stored]), JSON.stringify([stored]), true)).to.equal(true);
            }),
        );
    });
});
