import { Caller, callerOf, RegionOutputs } from "./caller";
import { SystemFile } from "./systemFile";

/** A caller for each region of the stack, from the stack's outputs (index.ts, `regions`). */
export function platformsOf(system: SystemFile, outputs: Record<string, unknown>): Caller[] {
    const regions = (outputs.regions ?? {}) as Record<string, RegionOutputs>;
    return Object.entries(regions).map(([region, ofRegion]) => callerOf(system, region, ofRegion));
}
