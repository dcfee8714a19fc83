import { Caller, callerOf, RegionOutputs } from "./caller";
import { SystemFile } from "./systemFile";

/** What the local system decides of the stack's configuration: where the certificate authority is, which zone and ports there are. */
export function localConfig({ acme, hostedZoneId, httpsPort, httpPort }: SystemFile): Record<string, string> {
    return {
        "taskgate:acmeDirectory": acme.directoryUrl,
        "taskgate:hostedZoneId": hostedZoneId,
        "taskgate:httpsPort": String(httpsPort),
        "taskgate:httpPort": String(httpPort),
    };
}

/** A caller for each region of the stack, from the stack's outputs (index.ts, `regions`). */
export function platformsOf(system: SystemFile, outputs: Readonly<Record<string, unknown>>): Caller[] {
    const regions = (outputs.regions ?? {}) as Record<string, RegionOutputs>;
    return Object.entries(regions).map(([region, ofRegion]) => callerOf(system, region, ofRegion));
}
