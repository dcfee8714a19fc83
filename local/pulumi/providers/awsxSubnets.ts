/** The layout that the real awsx makes of a VPC by its strategy "Auto". */
export interface SubnetSpec {
    readonly type: string;
    readonly name?: string;
    readonly cidrMask?: number;
    readonly size?: number;
    /** One for each availability zone, instead of what would be worked out. */
    readonly cidrBlocks?: readonly string[];
}

export interface PlannedSubnet<Spec> {
    readonly name: string;
    /** Counted from 0. */
    readonly zone: number;
    readonly cidrBlock: string;
    readonly spec: Spec;
}

const DEFAULT_TYPES = ["Private", "Public"];
const ORDER = ["public", "private", "isolated"];

/** The subnets of each zone in turn, in the order of the specs. */
export function planSubnets<Spec extends SubnetSpec>(
    vpcName: string,
    vpcCidrBlock: string,
    numberOfZones: number,
    specs: readonly Spec[] | undefined,
    zoneMask = maskOf(vpcCidrBlock) + bitsFor(numberOfZones),
): PlannedSubnet<Spec | SubnetSpec>[] {
    const wanted: readonly (Spec | SubnetSpec)[] = specs ?? defaultSpecs(zoneMask);
    return Array.from({ length: numberOfZones }, (_, zone) => {
        const start = addressOf(vpcCidrBlock) + zone * sizeOf(zoneMask);
        const cidrBlocks = allocate(start, zoneMask, wanted);
        return wanted.map((spec, index) => ({
            name: `${vpcName}-${spec.name ?? spec.type.toLowerCase()}-${zone + 1}`,
            zone,
            cidrBlock: spec.cidrBlocks?.[zone] ?? cidrBlocks[index],
            spec,
        }));
    }).flat();
}

/** The subnets to make, in order: in each zone the public ones first, as NAT gateways stand in them. None for "Unused". */
export function inOrderOfMaking<Spec extends SubnetSpec>(plan: readonly PlannedSubnet<Spec>[]): PlannedSubnet<Spec>[] {
    const rank = ({ spec }: PlannedSubnet<Spec>) => ORDER.indexOf(spec.type.toLowerCase());
    return plan.filter((subnet) => rank(subnet) >= 0).sort((a, b) => a.zone - b.zone || rank(a) - rank(b));
}

function defaultSpecs(zoneMask: number): SubnetSpec[] {
    if (zoneMask > 26) {
        throw new Error(
            `Automatic subnet creation requires a VPC with at least /26 available per AZ, but only /${zoneMask} is available. ` +
                "If you do need very small subnets, please specify them explicitly.",
        );
    }
    return DEFAULT_TYPES.map((type, index) => ({ type, cidrMask: Math.max(zoneMask, 16) + index + 1 }));
}

function allocate(start: number, zoneMask: number, specs: readonly SubnetSpec[]): string[] {
    const evenMask = zoneMask + bitsFor(specs.length);
    const masks = specs.map((spec) => spec.cidrMask ?? (spec.size ? 32 - Math.log2(spec.size) : evenMask));
    const needed = masks.reduce((sum, mask) => sum + sizeOf(mask), 0);
    if (needed > sizeOf(zoneMask)) {
        throw new Error(
            `Subnets are too large for VPC. VPC has ${sizeOf(zoneMask)} addresses, but subnets require ${needed} addresses.`,
        );
    }
    let next = start;
    return masks.map((mask) => {
        const size = sizeOf(mask);
        const address = Math.ceil(next / size) * size;
        next = address + size;
        return `${textOf(address)}/${mask}`;
    });
}

/** The /64 number `index` of a VPC's /56. */
export function ipv6Subnet(vpcCidrBlock: string, index: number): string {
    const [prefix, mask] = vpcCidrBlock.split("/");
    if (mask !== "56") {
        throw new RangeError(`VPC must be a /56 block (got /${mask})`);
    }
    const groups = prefix.split(":");
    const fourth = (parseInt(groups[3], 16) & 0xff00) | index;
    return `${groups.slice(0, 3).join(":")}:${fourth.toString(16)}::/64`;
}

function bitsFor(count: number): number {
    return count === 0 ? 0 : Math.ceil(Math.log2(count));
}

function sizeOf(mask: number): number {
    return 2 ** (32 - mask);
}

function maskOf(cidrBlock: string): number {
    return Number(cidrBlock.split("/")[1]);
}

function addressOf(cidrBlock: string): number {
    const [address] = cidrBlock.split("/");
    return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

function textOf(address: number): string {
    return [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join(".");
}
