// The programs of examples/, one for each shape, made with the package as it is here.
import Module, { createRequire } from "node:module";
import { join } from "node:path";

import { expect } from "chai";

import { record } from "../support/mocks";

const root = join(__dirname, "..", "..");

interface Loader {
    _resolveFilename: (this: void, request: string, ...rest: unknown[]) => string;
}

const config = {
    "taskgate:domain": "example.com",
    "taskgate:hostedZoneId": "Z1",
    "taskgate:httpsPort": "443",
    "taskgate:httpPort": "80",
    "taskgate:acmeDirectory": "letsencrypt-staging",
};

describe("the example", () => {
    const load = createRequire(__filename);
    const loader = Module as unknown as Loader;
    const resolve = loader._resolveFilename;
    before(() => {
        loader._resolveFilename = (request, ...rest) =>
            resolve(request === "taskgate" ? join(root, "components") : request, ...rest);
    });
    after(() => {
        loader._resolveFilename = resolve;
        process.chdir(root);
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
            process.chdir(join(root, "examples", name)); // as the engine runs it
            const { resources } = await record(() => void load(join(root, "examples", name, "index.ts")), { config });
            const found = resources.filter(({ type, parent }) => type.startsWith("taskgate:") && parent === undefined);
            expect(found.map((each) => `${each.name} ${each.type.split(":")[2]}`)).to.have.members([...components]);
        });
    }
});
