// Where visitors are. Route 53 answers by the address of the resolver that asks; here a resolver near each region has a loopback address.

/** Latitude and longitude, in degrees, of the cities that AWS names its regions after. */
const places: Readonly<Record<string, readonly [number, number]>> = {
    "af-south-1": [-34, 18],
    "ap-east-1": [22, 114],
    "ap-northeast-1": [36, 140],
    "ap-northeast-2": [37, 127],
    "ap-northeast-3": [35, 136],
    "ap-south-1": [19, 73],
    "ap-south-2": [17, 78],
    "ap-southeast-1": [1, 104],
    "ap-southeast-2": [-34, 151],
    "ap-southeast-3": [-6, 107],
    "ap-southeast-4": [-38, 145],
    "ca-central-1": [45, -74],
    "ca-west-1": [51, -114],
    "eu-central-1": [50, 9],
    "eu-central-2": [47, 9],
    "eu-north-1": [59, 18],
    "eu-south-1": [45, 9],
    "eu-south-2": [42, -1],
    "eu-west-1": [53, -6],
    "eu-west-2": [52, 0],
    "eu-west-3": [49, 2],
    "il-central-1": [32, 35],
    "me-central-1": [24, 54],
    "me-south-1": [26, 51],
    "mx-central-1": [21, -100],
    "sa-east-1": [-24, -47],
    "us-east-1": [39, -77],
    "us-east-2": [40, -83],
    "us-west-1": [37, -122],
    "us-west-2": [46, -120],
};

const names = Object.keys(places);
const prefix = "127.0.53.";

/** Where all are of whom nothing else is said. */
const here = "eu-west-1";

/**
 * The address from which a resolver near a region asks: of a `dig -b`, or of Node's `setLocalAddress`.
 *
 * @throws naming the regions that there are
 */
export function resolverNear(region: string): string {
    const index = names.indexOf(region);
    if (index < 0) {
        throw new Error(`No place is known for "${region}": give one of ${names.join(", ")}.`);
    }
    return `${prefix}${index + 1}`;
}

/** The region near which a resolver is. */
export function regionNear(resolver: string | undefined): string {
    const index = resolver?.startsWith(prefix) ? Number(resolver.slice(prefix.length)) - 1 : -1;
    return names[index] ?? here;
}

/**
 * What latencies are compared by. Route 53 has measured them, and does not publish them: here it is how far apart the two are, in degrees of a great circle.
 * A region whose place is not known is the farthest.
 */
export function distance(from: string, to: string): number {
    if (from === to) {
        return 0;
    }
    const [one, other] = [places[from], places[to]];
    if (one === undefined || other === undefined) {
        return 360;
    }
    const [lat1, lon1, lat2, lon2] = [...one, ...other].map((degrees) => (degrees * Math.PI) / 180);
    const cosine = Math.sin(lat1) * Math.sin(lat2) + Math.cos(lat1) * Math.cos(lat2) * Math.cos(lon1 - lon2);
    return (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
}
