/** A file that was replaced or removed while a mount of it alone keeps the old one. */

const REPLACED = 'the host replaced or removed';

export function replacedInWords(path: string): string {
  return `${REPLACED} ${path}, and the mount of this file alone still has the old one: restart the pod, or mount the directory of the file`;
}

/** Whether {@link replacedInWords} is in a message. */
export function saysReplaced(message: string): boolean {
  return message.includes(REPLACED);
}
