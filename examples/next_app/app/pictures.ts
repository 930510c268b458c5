// A real app has a database.
export interface Picture {
  status: string;
  files: number;
}

export const pictures = new Map<string, Picture>();
export const seen = new Set<string>();
