/* Line editing on a terminal, by readline. */
#ifndef WANE_LINE_EDITOR_H
#define WANE_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

typedef enum wane_line_status {
  WANE_LINE_READ,
  WANE_LINE_END,
  WANE_LINE_INTERRUPTED,
} wane_line_status;

/* Where completions are collected. */
typedef struct wane_completions wane_completions;
void wane_completions_add(wane_completions *completions, const char *text);
/* Also offers the names of files. */
void wane_completions_add_files(wane_completions *completions);

/* Told the line, the cursor, and the start of the word to complete, all in bytes. */
typedef void (*wane_completer)(const char *line, int word, int cursor,
                               wane_completions *completions);

void wane_line_editor_start(wane_completer completer);

/* Reads a line. `*line` is to be freed when the status is WANE_LINE_READ. */
wane_line_status wane_line_read(const char *prompt, char **line);

/* History: entries may have several lines, and keep them in the file. */
void wane_history_load(const char *path, int limit);
void wane_history_add(const char *entry, const char *path);

#endif
