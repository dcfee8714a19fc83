// The programs of examples/, one for each shape, made with the package as it is here.
import Module, { createRequire } from "node:module";
import { join } from "node:path";

import { expect } from "chai";

import { record } from "../support/mocks";

const root = join(__dirname, "..", "..");

interface Loader {
    _resolveFilename: (this: void, request: string, ...rest: unknown[]) => string;
}

describe("the example", () => {
    const load = createRequire(__filename);
    const loader = Module as unknown as Loader;
    const resolve = loader._resolveFilename;
    const { PULUMI_CONFIG: given = "" } = process.env;
    before(() => {
        loader._resolveFilename = (request, ...rest) =>
            resolve.call(loader, request === "taskgate" ? join(root, "components") : request, ...rest);
        const config = { domain: "example.com", hostedZoneId: "Z1", httpsPort: "443", httpPort: "80" };
        const entries = Object.entries({ ...config, acmeDirectory: "letsencrypt-staging" });
        process.env.PULUMI_CONFIG = JSON.stringify(
            Object.fromEntries(entries.map(([key, value]) => [`taskgate:${key}`, value])),
        );
    });
    after(() => {
        loader._resolveFilename = resolve;
        process.env.PULUMI_CONFIG = given;
    });

    const made: Record<string, readonly string[]> = {
        alb: ["cluster Cluster", "network Network", "shop LoadBalancedService", "api LoadBalancedService"],
        "end-to-end-tls": ["cluster Cluster", "network Network", "records LoadBalancedService"],
        nlb: [...["cluster Cluster", "network Network", "certificate WildcardCertificate"], "live LoadBalancedService"],
        traefik: [
            ...["cluster Cluster", "network Network", "certificate WildcardCertificate", "edge TraefikGateway"],
            ...["orders EnvoyTask", "invoices EnvoyTask"],
        ],
    };
    for (const [name, components] of Object.entries(made)) {
        it(`${name} is a program of these components`, async () => {
            const { resources } = await record(() => void load(join(root, "examples", name, "index.ts")));
            const found = resources.filter(({ type, parent }) => type.startsWith("taskgate:") && parent === undefined);
            expect(found.map((each) => `${each.name} ${each.type.split(":")[2]}`)).to.have.members([...components]);
        });
    }
});
