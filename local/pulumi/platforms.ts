import { Caller, callerOf, RegionOutputs } from "../internet/caller";
import { SystemFile } from "../machine/systemFile";
import type { StackState } from "./state";

/** What the local system decides of a project's configuration, ours or an example's: where the certificate authority is, which zone and ports there are. */
export function localConfig({ acme, hostedZoneId, httpsPort, httpPort }: SystemFile): Record<string, string> {
    return {
        acmeDirectory: acme.directoryUrl,
        hostedZoneId,
        httpsPort: String(httpsPort),
        httpPort: String(httpPort),
    };
}

/** A caller for each TaskPlatform that a stack has, whatever program made it. */
export function callersOf(system: SystemFile, { resources }: StackState): Caller[] {
    return resources
        .filter(({ type }) => type === "taskgate:index:TaskPlatform")
        .flatMap(({ inputs, outputs }) => {
            const all = { ...inputs, ...outputs } as unknown as RegionOutputs;
            return typeof all.clusterArn === "string" ? [callerOf(system, all.clusterArn.split(":")[3], all)] : [];
        });
}

/** A caller for each region of the stack, from the stack's outputs (index.ts, `regions`). */
export function platformsOf(system: SystemFile, outputs: Readonly<Record<string, unknown>>): Caller[] {
    const regions = (outputs.regions ?? {}) as Record<string, RegionOutputs>;
    return Object.entries(regions).map(([region, ofRegion]) => callerOf(system, region, ofRegion));
}
