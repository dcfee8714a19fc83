// The checkout's own policy pack, as the local system's ports and names want it configured.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { isPackage, projectRoot } from "../machine/projectRoot";
import type { SystemFile } from "../machine/systemFile";
import type { PolicyPackOptions } from "./operation";

/** What an operation is given to be judged by policy/, here: what is served has other ports. Nothing where policy/ is not. */
export function ownPolicyPack(system: SystemFile, requiredTags: readonly string[] = []): PolicyPackOptions | undefined {
    if (isPackage) {
        return undefined;
    }
    const { directory, httpsPort, httpPort } = system;
    const config = join(directory, `policy-${requiredTags.join("-").replace(/\W/g, "-")}.json`);
    const rules = { "required-tags": { tags: requiredTags }, "open-ports": { ports: [httpsPort, httpPort] } };
    writeFileSync(config, JSON.stringify(rules));
    return { folder: join(projectRoot, "policy"), config };
}
