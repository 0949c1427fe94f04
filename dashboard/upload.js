// SPDX-License-Identifier: Apache-2.0
// Files of the user, as the method `run` takes them.

export const MAX_BYTES = 20 << 20; // The node takes no more.

export function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
