// What a file's name says of a picture: "03-red_house.png" says "red house"; a camera's number says nothing.
const BATCH_NAMED = /^(img|dsc|image|picture|photo|screenshot|untitled)?[\W\d_]*$/i;

export function captionOf(name: string): string {
  const words = name
    .replace(/\.\w+$/, '')
    .replace(/[-_.+\s]+/g, ' ')
    .trim();
  return BATCH_NAMED.test(words) ? '' : words.replace(/^(\d+\s)+|(\s\d+)+$/g, '');
}
