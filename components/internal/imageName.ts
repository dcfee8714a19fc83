// What may be given as the name of an image.
import { imageParts } from "../../handlers/imageName";
import { Reason } from "./rules";

/** Why this is no name of an image. */
export function imageReason(value: string): Reason {
    return imageParts(value) !== undefined
        ? undefined
        : `"${value}" is not the name of an image: give registry/path:tag or registry/path@sha256:…, e.g. docker.io/traefik/whoami:v1.11`;
}
